#include "handover/predecessor.hpp"

#include "base/if_memory_allows.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <poll.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr const char* variable = "GATEHOUSE_HANDOVER";
constexpr int patience_ms = 10'000; // for the next of its messages, while the sockets come

} // namespace

std::string Predecessor::environment() { return std::string(variable) + "=1"; }

std::optional<Predecessor> Predecessor::of_environment() {
    if (std::getenv(variable) == nullptr) return std::nullopt;
    ::unsetenv(variable);
    Descriptor channel(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!channel) throw std::runtime_error(std::string(variable) + " is set, but standard input is no channel to a host");
    if (const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC)); nothing) ::dup2(nothing.get(), STDIN_FILENO);
    Predecessor before(std::move(channel));
    before.receive_sockets();
    return before;
}

void Predecessor::receive_sockets() {
    for (;;) {
        pollfd waiting{channel_.get(), POLLIN, 0};
        const int ready = ::poll(&waiting, 1, patience_ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) throw std::runtime_error("the host before this one does not go on with the hand-over");
        int error = 0;
        std::optional<HandoverMessage> message = receive_handover(channel_.get(), error);
        if (error == EPIPE) {
            channel_.reset();
            return;
        }
        if (error == EAGAIN) continue;
        if (!message) throw std::runtime_error("what the host before this one says is no hand-over");
        if (message->what == "complete") return;
        if (message->what == "cancel")
            throw std::runtime_error("the host before this one has given the hand-over up: " +
                                     std::string(message->value("why")));
        if (message->what == "control" && message->descriptors.size() == 1) {
            control_path_ = message->value("path");
            control_ = std::move(message->descriptors.front());
        }
        if (message->what == "ticket_keys") std::ranges::move(message->fields, std::back_inserter(ticket_keys_));
        if (message->what == "orders") std::ranges::move(message->fields, std::back_inserter(orders_));
        if (message->what != "sockets") continue;
        std::size_t next = 0;
        for (const auto& [name, key] : message->fields)
            if (name == "key" && next < message->descriptors.size())
                sockets_[key].push_back(std::move(message->descriptors[next++]));
    }
}

Descriptor Predecessor::take_control(const std::filesystem::path& path) {
    struct stat file{};
    const bool there = ::lstat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode); // or clients would not find it
    return path == control_path_ && there ? std::move(control_) : Descriptor();
}

std::optional<Predecessor::Word> Predecessor::hear() noexcept {
    while (channel_) {
        std::optional<HandoverMessage> message;
        int error = ENOMEM; // it is heard the next time
        if_memory_allows([&] { message = receive_handover(channel_.get(), error); });
        if (error == EPIPE) {
            channel_.reset();
            break;
        }
        if (error == EPROTO) continue;
        if (!message) return std::nullopt;
        if (message->what == "cancel" && !went_) return Word::cancel;
        if (message->what == "go" && !std::exchange(went_, true)) return Word::go;
        if (message->what == "yours" && !std::exchange(yours_, true)) return Word::yours;
    }
    if (!std::exchange(went_, true)) return Word::go;
    if (!std::exchange(yours_, true)) return Word::yours;
    return std::nullopt;
}

void Predecessor::tell(std::string_view what, const HandoverMessage::Fields& fields) noexcept {
    if (!channel_) return;
    if_memory_allows([&] { (void)send_handover(channel_.get(), handover_bytes(what, fields)); });
}

void Predecessor::tell_ready(std::string_view version) noexcept {
    if_memory_allows([&] { tell("ready", {{"pid", std::to_string(::getpid())}, {"version", std::string(version)}}); });
}

void Predecessor::tell_failed(const std::string& why) noexcept {
    if_memory_allows([&] { tell("failed", {{"why", why.substr(0, HandoverMessage::most_bytes / 2)}}); });
}

} // namespace gatehouse::host
