#include "trial/dialogue.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <vector>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds millisecond = 1'000'000;
constexpr Nanoseconds before_the_end = 5 * millisecond; // for the server to read what was said before a close or reset
constexpr std::size_t most_at_once = 200;

enum class Phase { connecting, speaking, about_to_end, reading, over };

class Speaker {
  public:
    Speaker(Dialogue& dialogue, std::size_t enough) : dialogue_(&dialogue), enough_(enough) {
        if (dialogue.end != Dialogue::End::none) {
            phase_ = Phase::over;
        } else if (dialogue.fd) {
            phase_ = Phase::speaking;
            due_ = 0;
        } else {
            connect();
        }
    }

    bool is_over() const noexcept { return phase_ == Phase::over; }
    Nanoseconds due() const noexcept { return due_; } // when there is something to do without an event
    pollfd waits_for() const noexcept {
        const bool waits_for_room = phase_ == Phase::connecting || (phase_ == Phase::speaking && due_ == never);
        return {dialogue_->fd.get(), static_cast<short>(waits_for_room ? POLLIN | POLLOUT : POLLIN), 0};
    }

    void step(short events, Nanoseconds now) {
        if ((events & ~POLLOUT) != 0 && phase_ != Phase::connecting) read(now);
        if (phase_ == Phase::connecting && events != 0) connected(now);
        if (phase_ == Phase::speaking && ((events & POLLOUT) != 0 || now >= due_)) speak(now);
        if (phase_ == Phase::about_to_end && now >= due_) leave();
    }

  private:
    void connect() {
        dialogue_->fd = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!dialogue_->fd) throw std::system_error(errno, std::generic_category(), "cannot make a client");
        const int on = 1;
        ::setsockopt(dialogue_->fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        // Not megabytes under way to a client that leaves.
        const int room = static_cast<int>(most_answered);
        ::setsockopt(dialogue_->fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        sockaddr_in server{};
        server.sin_family = AF_INET;
        server.sin_port = htons(dialogue_->port);
        server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(dialogue_->fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0 &&
            errno != EINPROGRESS)
            end(Dialogue::End::reset, monotonic_now());
    }

    void connected(Nanoseconds now) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(dialogue_->fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return end(Dialogue::End::reset, now);
        sockaddr_in own{};
        size = sizeof own;
        if (::getsockname(dialogue_->fd.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0)
            dialogue_->client = ntohs(own.sin_port);
        phase_ = Phase::speaking;
        due_ = now;
    }

    void speak(Nanoseconds now) {
        due_ = never;
        while (said_ < dialogue_->bytes.size()) {
            const bool apart = dialogue_->one_at_a_time && said_ < most_apart;
            const std::size_t size = apart ? 1 : dialogue_->bytes.size() - said_;
            const ssize_t sent = ::send(dialogue_->fd.get(), dialogue_->bytes.data() + said_, size, MSG_NOSIGNAL);
            if (sent < 0 && errno == EAGAIN) return;
            if (sent < 0) break; // read() finds out how it has ended
            said_ += static_cast<std::size_t>(sent);
            if (apart) {
                due_ = now + millisecond;
                return;
            }
        }
        const bool reads = dialogue_->then == Dialogue::Then::finish || dialogue_->then == Dialogue::Then::wait;
        if (dialogue_->then == Dialogue::Then::finish) ::shutdown(dialogue_->fd.get(), SHUT_WR);
        phase_ = reads ? Phase::reading : Phase::about_to_end;
        due_ = reads ? never : now + before_the_end;
    }

    void read(Nanoseconds now) {
        std::array<char, 65536> buffer; // not initialised: filled by recv
        const ssize_t size = ::recv(dialogue_->fd.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size <= 0) return end(size == 0 ? Dialogue::End::orderly : Dialogue::End::reset, now);
        const std::size_t got = static_cast<std::size_t>(size);
        dialogue_->answer.append(buffer.data(), std::min(got, most_answered - dialogue_->answer.size()));
        dialogue_->received += got;
        dialogue_->heard = now;
        if (dialogue_->received >= enough_ && phase_ == Phase::reading) leave();
    }

    void end(Dialogue::End how, Nanoseconds now) {
        dialogue_->end = how;
        dialogue_->ended = now;
        dialogue_->fd.reset();
        phase_ = Phase::over;
    }

    void leave() {
        phase_ = Phase::over;
        due_ = never;
        if (dialogue_->then == Dialogue::Then::stay) return;
        const linger at_once{1, 0};
        if (dialogue_->then == Dialogue::Then::reset)
            ::setsockopt(dialogue_->fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        dialogue_->fd.reset();
    }

    Dialogue* dialogue_;
    std::size_t enough_;
    Phase phase_ = Phase::connecting;
    Nanoseconds due_ = never;
    std::size_t said_ = 0; // bytes
};

} // namespace

void converse(std::span<Dialogue> dialogues, Nanoseconds deadline, std::size_t enough) {
    std::vector<Speaker> speakers;
    std::vector<pollfd> waiting;
    for (std::size_t next = 0; next < dialogues.size() || !speakers.empty();) {
        while (next < dialogues.size() && speakers.size() < most_at_once) {
            speakers.emplace_back(dialogues[next++], enough);
            if (speakers.back().is_over()) speakers.pop_back(); // it had ended before
        }
        if (speakers.empty()) return;
        waiting.clear();
        Nanoseconds due = deadline;
        for (const Speaker& speaker : speakers) {
            waiting.push_back(speaker.waits_for());
            due = std::min(due, speaker.due());
        }
        const Nanoseconds wait = std::max<Nanoseconds>(due - monotonic_now(), 0);
        if (::poll(waiting.data(), waiting.size(), static_cast<int>((wait + millisecond - 1) / millisecond)) < 0) continue;
        const Nanoseconds now = monotonic_now();
        if (now >= deadline) return;
        for (std::size_t i = 0; i < speakers.size(); ++i) speakers[i].step(waiting[i].revents, now);
        std::erase_if(speakers, [](const Speaker& speaker) { return speaker.is_over(); });
    }
}

} // namespace gatehouse::host
