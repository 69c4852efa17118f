#include "handover/keeper.hpp"

#include "base/clock.hpp"
#include "base/own_program.hpp"
#include "handover/message.hpp"
#include "handover/predecessor.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr int never_ms = -1;
constexpr Nanoseconds patience = 1'000'000'000;

void start_program(std::optional<OwnProgram>& child, const OwnProgram::Options& options, int channel) {
    child.reset();
    OwnProgram::Options with = options;
    with.input = channel;
    try {
        child.emplace(with);
    } catch (const std::exception& error) {
        (void)send_handover(channel, handover_bytes("failed", {{"why", options.program + ": " + error.what()}}));
    }
}

// Until the host has gone.
[[noreturn]] void keep(int socket, std::vector<std::string> arguments) noexcept {
    ::prctl(PR_SET_NAME, "keeper");
    // Sockets that the host has inherited are not the keeper's: it may outlive the host by a moment.
    if (socket > STDERR_FILENO + 1) ::close_range(STDERR_FILENO + 1, static_cast<unsigned>(socket) - 1, 0);
    ::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
    try {
        OwnProgram::Options options;
        options.program = own_program_path();
        options.arguments = std::move(arguments);
        options.output = STDOUT_FILENO;
        options.errors = STDERR_FILENO;
        options.environment = {Predecessor::environment()};
        std::optional<OwnProgram> child;
        for (;;) {
            pollfd waiting{socket, POLLIN, 0};
            ::poll(&waiting, 1, never_ms);
            int error = 0;
            const std::optional<HandoverMessage> message = receive_handover(socket, error);
            if (error == EPIPE) ::_exit(0); // without ending the child: it may serve by now
            if (!message) continue;
            if (message->what == "start" && message->descriptors.size() == 1)
                start_program(child, options, message->descriptors.front().get());
            if (message->what == "kill") child.reset();
        }
    } catch (const std::exception&) { // no memory
        ::_exit(1);
    }
}

} // namespace

Keeper::Keeper(std::vector<std::string> arguments) {
    auto [mine, its] = handover_channel();
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "cannot start the keeper");
    if (pid_ == 0) {
        mine.reset();
        keep(its.get(), std::move(arguments));
    }
    socket_ = std::move(mine);
}

// Waits for it, so that it is nobody's zombie; but not for long.
Keeper::~Keeper() {
    socket_.reset();
    const Nanoseconds deadline = monotonic_now() + patience;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0 && monotonic_now() < deadline) ::poll(nullptr, 0, 1);
}

int Keeper::start(int channel) const noexcept {
    try {
        return send_handover(socket_.get(), handover_bytes("start"), {&channel, 1});
    } catch (const std::exception&) {
        return ENOMEM;
    }
}

void Keeper::kill() const noexcept {
    try {
        (void)send_handover(socket_.get(), handover_bytes("kill"));
    } catch (const std::exception&) { // without memory it goes on until it is asked again
    }
}

} // namespace gatehouse::host
