#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

TEST(Metronome, BeatsForAllAtOnce) {
    Plugin metronome({{"every", "2s"}});
    Client ann = metronome.connect();
    metronome.pass(3s);
    Client bob = metronome.connect();
    metronome.pass(3s);
    EXPECT_EQ(ann.heard(), "1\n2\n3\n");
    EXPECT_EQ(bob.heard(), "2\n3\n");
    ann.say({end});
    metronome.pass(2s);
    EXPECT_EQ(ann.heard(), "");
    EXPECT_EQ(bob.heard(), "4\n");
}

TEST(Metronome, WhatClientsSayDoesNotPutOffABeat) {
    Plugin metronome;
    Client ann = metronome.connect();
    ann.say({pass(900ms), "hurry", pass(100ms)});
    EXPECT_EQ(ann.heard(), "1\n");
}

TEST(Metronome, LeavesWhenTheHostDrains) {
    Plugin metronome;
    Client ann = metronome.connect();
    metronome.stop();
    EXPECT_EQ(ann.outcome().reason, "drained");
}

TEST(Metronome, ChecksItsConfiguration) {
    EXPECT_EQ(Plugin::refusal({{"every", "0ms"}}), "every: is too short (expected at least 1ms)");
    EXPECT_EQ(Plugin::start_failure({}, Extensions::none), "this host has no timers (gatehouse.timer/1)");
}
