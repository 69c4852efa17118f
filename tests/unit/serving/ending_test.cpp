// The one reason of a connection, from what serve() has returned and what has happened before.
#include "serving/ending.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

constexpr auto unknown_next = static_cast<gatehouse_next>(99); // of a plugin that does not keep to the ABI

// A connection of a host that does not drain.
struct Served : Connection {
    Served() : Connection(1) { static_cast<Stream&>(*this) = Stream(not_started); }
    const Drain not_started;
};

TEST(ReasonFor, APluginThatHasFinished) {
    const Served connection;
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_CLOSE), Reason::done);
}

TEST(ReasonFor, APluginThatFinishedAfterItsClient) {
    Served connection;
    connection.read_end = true;
    for (const gatehouse_next next : {GATEHOUSE_NEXT_CLOSE, GATEHOUSE_NEXT_PARK, GATEHOUSE_NEXT_WAIT})
        EXPECT_EQ(reason_for(connection, next), Reason::peer_closed) << next;
}

TEST(ReasonFor, ADeadlineOfThePluginsOwnCountsMoreThanTheEnd) {
    Served connection;
    connection.read_end = true;
    connection.deadline_hit = true;
    for (const gatehouse_next next : {GATEHOUSE_NEXT_CLOSE, GATEHOUSE_NEXT_PARK, GATEHOUSE_NEXT_WAIT})
        EXPECT_EQ(reason_for(connection, next), Reason::deadline) << next;
}

TEST(ReasonFor, WhatBrokeTheStreamCountsMost) {
    for (const Reason cause : {Reason::peer_reset, Reason::idle_timeout, Reason::lifetime, Reason::too_slow, Reason::tls_failed,
                               Reason::drained, Reason::host_out_of_memory}) {
        Served connection;
        connection.reason = cause;
        connection.read_end = true;
        connection.deadline_hit = true;
        for (const gatehouse_next next : {GATEHOUSE_NEXT_CLOSE, GATEHOUSE_NEXT_PARK, GATEHOUSE_NEXT_WAIT})
            EXPECT_EQ(reason_for(connection, next), cause) << next;
    }
}

TEST(ReasonFor, APluginThatFailedHasFailedWhateverTheClientDid) {
    Served connection;
    connection.reason = Reason::peer_reset;
    connection.read_end = true;
    connection.deadline_hit = true;
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_ERROR), Reason::plugin_error);
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_EXCEPTION), Reason::plugin_exception);
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_UPSTREAM), Reason::upstream_failed);
}

TEST(ReasonFor, AnErrorAfterAFailedConnectIsTheUpstreams) {
    Served connection;
    connection.life.serving.no_upstream = Reason::upstream_failed;
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_ERROR), Reason::upstream_failed);
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_EXCEPTION), Reason::plugin_exception);
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_CLOSE), Reason::done) << "the plugin had something else to say";
}

TEST(ReasonFor, WhatTheHostLackedForTheUpstreamIsSaid) {
    Served connection;
    connection.life.serving.no_upstream = Reason::host_out_of_ports;
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_ERROR), Reason::host_out_of_ports);
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_UPSTREAM), Reason::host_out_of_ports);
    connection.life.serving.no_upstream = Reason::upstream_failed;
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_UPSTREAM), Reason::upstream_failed);
}

TEST(ReasonFor, ARelayWithoutAnUpstreamAndAnUnknownResultAreErrors) {
    const Served connection;
    EXPECT_EQ(reason_for(connection, GATEHOUSE_NEXT_RELAY), Reason::plugin_error);
    EXPECT_EQ(reason_for(connection, unknown_next), Reason::plugin_error);
}

} // namespace
} // namespace gatehouse::host
