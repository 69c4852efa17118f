#include "connection/connect_failure.hpp"

#include "socket_address.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <utility>

namespace gatehouse::host {
namespace {

SocketAddress unix_address() {
    Address address;
    address.kind = Address::Kind::unix_socket;
    address.path = "/run/x";
    return numeric_address(address).value();
}

const SocketAddress tcp = address_of("127.0.0.1");
const SocketAddress local = unix_address();

TEST(ConnectFailure, WhatTheServerOrThePathCausesCountsAgainstTheServer) {
    const std::pair<int, gatehouse_status> errors[] = {
        {ECONNREFUSED, GATEHOUSE_REFUSED},     {EACCES, GATEHOUSE_REFUSED},         {EPERM, GATEHOUSE_REFUSED},
        {ENOENT, GATEHOUSE_REFUSED},           {ETIMEDOUT, GATEHOUSE_TIMEOUT},      {ENETUNREACH, GATEHOUSE_UNREACHABLE},
        {EHOSTUNREACH, GATEHOUSE_UNREACHABLE}, {ENETDOWN, GATEHOUSE_UNREACHABLE},   {EHOSTDOWN, GATEHOUSE_UNREACHABLE},
        {EAFNOSUPPORT, GATEHOUSE_UNREACHABLE}, {ECONNRESET, GATEHOUSE_RESET},       {EPIPE, GATEHOUSE_RESET},
        {EPROTOTYPE, GATEHOUSE_FAILED},        {EPROTONOSUPPORT, GATEHOUSE_FAILED}, {ENOTDIR, GATEHOUSE_FAILED},
        {100'000, GATEHOUSE_FAILED},
    };
    for (const auto& [error, status] : errors)
        for (const SocketAddress& address : {tcp, local}) {
            const ConnectFailure failure = connect_failure(error, address);
            EXPECT_EQ(failure.status, status) << error;
            EXPECT_FALSE(failure.lacking) << error;
            EXPECT_STRNE(failure.why, "") << error;
        }
}

TEST(ConnectFailure, WhatThisHostLacksDoesNot) {
    const std::pair<int, Reason> errors[] = {
        {EMFILE, Reason::host_out_of_fds},     {ENFILE, Reason::host_out_of_fds},    {ENOMEM, Reason::host_out_of_memory},
        {ENOBUFS, Reason::host_out_of_memory}, {ENOSPC, Reason::host_out_of_memory},
    };
    for (const auto& [error, lacking] : errors)
        for (const SocketAddress& address : {tcp, local}) {
            const ConnectFailure failure = connect_failure(error, address);
            EXPECT_EQ(failure.status, GATEHOUSE_EXHAUSTED) << error;
            EXPECT_EQ(failure.lacking, lacking) << error;
        }
}

// A machine without such an address needs a network of its own: see GatewayBlame.
TEST(ConnectFailure, WhereThereIsASourceAddressItsPortsAreUsedUp) {
    for (const int error : {EADDRNOTAVAIL, EAGAIN}) {
        const ConnectFailure failure = connect_failure(error, tcp);
        EXPECT_EQ(failure.status, GATEHOUSE_EXHAUSTED) << error;
        EXPECT_EQ(failure.lacking, Reason::host_out_of_ports) << error;
    }
}

TEST(ConnectFailure, AnAcceptQueueThatIsFullIsTheServers) {
    const ConnectFailure failure = connect_failure(EAGAIN, local);
    EXPECT_EQ(failure.status, GATEHOUSE_REFUSED);
    EXPECT_STREQ(failure.why, "its accept queue is full");
    EXPECT_FALSE(failure.lacking);
}

} // namespace
} // namespace gatehouse::host
