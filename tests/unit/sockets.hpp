// Connected sockets and listening ones for tests, on the loopback or between two ends of a pair.
#pragma once

#include "base/descriptor.hpp"

#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gatehouse::host {

struct Ends {
    Descriptor near; // the host's
    Descriptor far;  // the peer's
};

inline Ends unix_ends() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    return {Descriptor(pair[0]), Descriptor(pair[1])};
}

// 127.0.0.1, as bind(), connect() and getsockname() take it.
struct Loopback {
    explicit Loopback(std::uint16_t port = 0) {
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&address); }
    std::uint16_t port() const { return ntohs(address.sin_port); }

    sockaddr_in address{};
    socklen_t size = sizeof address;
};

// A free port; `port` says which.
inline Descriptor bind_to_loopback(std::uint16_t& port) {
    Loopback address;
    Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), address.get(), address.size), 0);
    EXPECT_EQ(::getsockname(fd.get(), address.get(), &address.size), 0);
    port = address.port();
    return fd;
}

inline Descriptor listen_on_loopback(std::uint16_t& port, int backlog = 1024) {
    Descriptor fd = bind_to_loopback(port);
    EXPECT_EQ(::listen(fd.get(), backlog), 0);
    return fd;
}

inline Descriptor connect_to_loopback(std::uint16_t port) {
    Loopback address(port);
    Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), address.get(), address.size), 0);
    return fd;
}

inline Descriptor accept_from(const Descriptor& listening) {
    return Descriptor(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

inline Ends tcp_ends() {
    std::uint16_t port = 0;
    const Descriptor listening = listen_on_loopback(port);
    Ends ends{connect_to_loopback(port), Descriptor()};
    ends.far = accept_from(listening);
    return ends;
}

} // namespace gatehouse::host
