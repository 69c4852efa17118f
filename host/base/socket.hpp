// What sockets are asked for in several rooms.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gatehouse::host {

// Makes close() send a reset instead of an orderly end, and leave no TIME_WAIT behind. [owner]
inline void reset_on_close(int fd) noexcept {
    const linger hard{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

// Resets the connection and leaves the descriptor open: who waits for it hears of that. [any, while it is not closed]
inline void reset_now(int fd) noexcept {
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    // By its number: the thread sanitizer takes every connect() for the making of a descriptor.
    if (::syscall(SYS_connect, fd, &nobody, sizeof nobody) != 0) ::shutdown(fd, SHUT_RDWR); // a unix socket knows no reset
}

// recv() without waiting. At urgent data (`stops_short`) it says EAGAIN, although the bytes are there, while the thread has a
// signal to take: SIGSTOP, say. No event will tell of them, so recv() is asked again. [owner]
inline ssize_t receive_now(int fd, void* buffer, std::size_t capacity, int flags, bool stops_short) noexcept {
    constexpr int most_tries = 16; // the second one should do
    for (int tries = 1;; ++tries) {
        const ssize_t size = ::recv(fd, buffer, capacity, MSG_DONTWAIT | flags);
        if (size >= 0 || errno != EAGAIN || !stops_short || tries == most_tries) return size;
        int there = 0;
        if (::ioctl(fd, SIOCINQ, &there) == 0 && there > 0) continue;
        errno = EAGAIN;
        return -1;
    }
}

// How many bytes the peer's kernel has still to acknowledge. None if it never will: the connection has been reset; nor on a
// unix socket, whose peer has what was sent to it. [owner]
inline std::uint32_t unacknowledged(int fd) noexcept {
    tcp_info info; // not initialised: the kernel writes what is looked at
    socklen_t size = sizeof info;
    int queued = 0;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state == TCP_CLOSE) return 0;
    return ::ioctl(fd, SIOCOUTQ, &queued) == 0 ? static_cast<std::uint32_t>(queued) : 0;
}

// Of so many bytes that were written to the socket: how many have reached the peer. [any]
inline std::uint64_t taken_by_peer(int fd, std::uint64_t sent) noexcept {
    int queued = 0;
    if (::ioctl(fd, SIOCOUTQ, &queued) != 0) return sent;
    return sent - std::min(sent, static_cast<std::uint64_t>(queued));
}

} // namespace gatehouse::host
