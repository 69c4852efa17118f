#include "connection/channel.hpp"

#include "base/socket.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

// The result of a system call that stands for what TLS says.
ssize_t as_call(TlsSession::Outcome outcome, std::size_t size, const TlsSession& tls) noexcept {
    switch (outcome) {
    case TlsSession::Outcome::done:
        return static_cast<ssize_t>(size);
    case TlsSession::Outcome::end:
        return 0;
    case TlsSession::Outcome::want_read:
    case TlsSession::Outcome::want_write:
        errno = EAGAIN;
        break;
    case TlsSession::Outcome::cut:
        errno = Channel::cut_short;
        break;
    case TlsSession::Outcome::reset:
        errno = tls.error();
        break;
    case TlsSession::Outcome::failed:
        errno = Channel::tls_error;
        break;
    }
    return -1;
}

// Which of these the socket reports now, or a reset or close of both sides, which it always does.
// Without an answer of the kernel's: `unknown`.
std::uint32_t polled(int fd, short events, std::uint32_t unknown = 0) noexcept {
    pollfd state{fd, events, 0};
    int count = 0;
    do {
        count = ::poll(&state, 1, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return unknown;
    return count > 0 ? static_cast<std::uint16_t>(state.revents) : 0U;
}

} // namespace

void Channel::heard(std::uint32_t events) noexcept {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hangup = true;
    if ((events & EPOLLPRI) == 0) return;
    stops_short = true;
    if (tls) tls->expect_short_reads();
}

static_assert(POLLRDHUP == EPOLLRDHUP && POLLPRI == EPOLLPRI && POLLHUP == EPOLLHUP && POLLERR == EPOLLERR);
void Channel::hear_again() noexcept { heard(polled(fd, POLLRDHUP | POLLPRI)); }

ssize_t Channel::receive(void* buffer, std::size_t capacity) noexcept {
    if (!tls) return receive_now(fd, buffer, capacity, 0, stops_short);
    std::size_t size = 0;
    const TlsSession::Outcome outcome = tls->read(buffer, capacity, size);
    return as_call(outcome, size, *tls);
}

ssize_t Channel::transmit(const void* data, std::size_t size, int flags) noexcept {
    if (!tls) return ::send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
    std::size_t written = 0;
    const TlsSession::Outcome outcome = tls->write(data, size, flags != 0, written);
    return as_call(outcome, written, *tls);
}

std::optional<std::span<const std::byte>> Channel::peek(std::span<std::byte> buffer) noexcept {
    if (tls) {
        std::size_t size = 0;
        bool ended = false;
        const TlsSession::Outcome what = tls->peek(buffer.data(), buffer.size(), size, ended);
        if (ended && (what == TlsSession::Outcome::reset || what == TlsSession::Outcome::failed)) return std::nullopt;
        hangup = hangup || ended;
        emptied = size == 0;
        return std::span<const std::byte>(buffer).first(size);
    }
    for (;;) {
        const ssize_t size = receive_now(fd, buffer.data(), buffer.size(), MSG_PEEK, stops_short);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != EAGAIN) return std::nullopt;
        if (size == 0) hangup = true;
        emptied = size <= 0;
        return std::span<const std::byte>(buffer).first(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }
}

std::optional<int> Channel::finish() noexcept {
    if (broken) return ECONNRESET;
    if (finished) return 0;
    if (tls && tls->established() && as_call(tls->finish(), 0, *tls) != 0) {
        if (errno == EAGAIN) return std::nullopt;
        broken = true;
        return errno;
    }
    finished = true;
    if (::shutdown(fd, SHUT_WR) == 0) return 0;
    broken = true;
    return errno;
}

bool Channel::say_goodbye() noexcept {
    return !tls || !tls->established() || broken || finished || tls->finish() != TlsSession::Outcome::want_write;
}

bool Channel::has_news() noexcept { return tls ? tls->has_news() : has_input(); }

bool Channel::is_gone() const noexcept { return polled(fd, 0) != 0; }

bool Channel::has_input() const noexcept { return polled(fd, POLLIN | POLLRDHUP, POLLIN) != 0; } // a read finds out

} // namespace gatehouse::host
