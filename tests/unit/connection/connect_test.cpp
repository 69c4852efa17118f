// What comes of a connect() that went on by itself.
#include "connection/connect.hpp"

#include "base/socket.hpp"
#include "sockets.hpp"

#include <array>
#include <cerrno>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

void reset(Descriptor& socket) {
    reset_on_close(socket.get());
    socket = Descriptor();
}

TEST(ConnectOutcome, AConnectionStands) {
    const Ends ends = tcp_ends();
    EXPECT_EQ(connect_outcome(ends.near.get()), 0);
}

TEST(ConnectOutcome, ARefusalIsOne) {
    std::uint16_t port = 0;
    const Descriptor nobody_listens = bind_to_loopback(port);
    Loopback address(port);
    const Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(fd.get(), address.get(), address.size), -1);
    ASSERT_EQ(errno, EINPROGRESS);
    EXPECT_EQ(connect_outcome(fd.get()), ECONNREFUSED);
}

TEST(ConnectOutcome, AServerThatHasGoneInSilenceIsAFailure) {
    Ends ends = tcp_ends();
    reset(ends.far);
    EXPECT_EQ(connect_outcome(ends.near.get()), ECONNRESET);
}

TEST(ConnectOutcome, WhatAServerHasSaidBeforeItWentIsKeptAndSoIsItsReset) {
    Ends ends = tcp_ends();
    ASSERT_EQ(::send(ends.far.get(), "busy", 4, 0), 4);
    reset(ends.far);
    EXPECT_EQ(connect_outcome(ends.near.get()), 0);
    std::array<char, 8> said{};
    EXPECT_EQ(::recv(ends.near.get(), said.data(), said.size(), 0), 4);
    EXPECT_EQ(::recv(ends.near.get(), said.data(), said.size(), 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST(ConnectOutcome, AServerThatHasEndedAtOnceWasConnected) {
    Ends ends = tcp_ends();
    ends.far = Descriptor();
    EXPECT_EQ(connect_outcome(ends.near.get()), 0);
}

} // namespace
} // namespace gatehouse::host
