#include "handover/keeper.hpp"

#include "base/clock.hpp"
#include "base/own_program.hpp"
#include "handover/message.hpp"
#include "handover/predecessor.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <poll.h>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr int never_ms = -1;
constexpr Nanoseconds kill_patience = 1'000'000'000;
constexpr int bind_patience_ms = 10'000; // it reads the configuration

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

// Returns 0 or an errno.
int bind_if_allowed(int socket, const std::string& address, std::set<std::string>& known, const Keeper::Addresses& addresses) {
    try {
        if (!known.contains(address))
            for (std::string& each : addresses()) known.insert(std::move(each));
    } catch (const std::exception&) { // who wants it bound has read the file, and will say what is wrong by now
    }
    std::string ignored;
    const std::optional<Address> parsed = parse_address(address, ignored);
    if (!known.contains(address) || !parsed || parsed->kind != Address::Kind::tcp) return EACCES;
    const std::optional<SocketAddress> numeric = numeric_address(*parsed);
    int type = 0;
    socklen_t size = sizeof type;
    const bool stream = ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
    if (!numeric || !stream) return EACCES;
    return ::bind(socket, numeric->get(), numeric->size) == 0 ? 0 : errno;
}

// Until the host has gone.
[[noreturn]] void keep(int socket, std::vector<std::string> arguments, std::set<std::string> known,
                       const Keeper::Addresses& addresses) noexcept {
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
            if (message->what == "bind" && message->descriptors.size() == 2) {
                const int result =
                    bind_if_allowed(message->descriptors[0].get(), std::string(message->value("address")), known, addresses);
                (void)send_handover(message->descriptors[1].get(),
                                    handover_bytes("bound", {{"errno", std::to_string(result)}}));
            }
        }
    } catch (const std::exception&) { // no memory
        ::_exit(1);
    }
}

} // namespace

Keeper::Keeper(std::vector<std::string> arguments, const std::vector<std::string>& known, const Addresses& addresses) {
    auto [mine, its] = handover_channel();
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "cannot start the keeper");
    if (pid_ == 0) {
        mine.reset();
        keep(its.get(), std::move(arguments), {known.begin(), known.end()}, addresses);
    }
    socket_ = std::move(mine);
}

// Waits for it, so that it is nobody's zombie; but not for long.
Keeper::~Keeper() {
    socket_.reset();
    const Nanoseconds deadline = monotonic_now() + kill_patience;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0 && monotonic_now() < deadline) ::poll(nullptr, 0, 1);
}

int Keeper::start(int channel) const noexcept {
    try {
        return send_handover(socket_.get(), handover_bytes("start"), {&channel, 1});
    } catch (const std::exception&) {
        return ENOMEM;
    }
}

int Keeper::bind(int socket, const SocketAddress& address) const noexcept {
    try {
        auto [mine, its] = handover_channel();
        const std::array<int, 2> both{socket, its.get()};
        if (const int error = send_handover(socket_.get(), handover_bytes("bind", {{"address", to_string(address)}}), both);
            error != 0)
            return error;
        its.reset();
        pollfd waiting{mine.get(), POLLIN, 0};
        int ready = 0;
        do {
            ready = ::poll(&waiting, 1, bind_patience_ms);
        } while (ready < 0 && errno == EINTR);
        int error = ready == 1 ? 0 : ETIMEDOUT;
        const std::optional<HandoverMessage> answer = error == 0 ? receive_handover(mine.get(), error) : std::nullopt;
        if (!answer) return error;
        return number_or(answer->value("errno"), EPROTO);
    } catch (const std::exception&) { // no memory or descriptors
        return ENOMEM;
    }
}

void Keeper::end() const noexcept { ::shutdown(socket_.get(), SHUT_RDWR); }

void Keeper::kill() const noexcept {
    try {
        (void)send_handover(socket_.get(), handover_bytes("kill"));
    } catch (const std::exception&) { // without memory it goes on until it is asked again
    }
}

} // namespace gatehouse::host
