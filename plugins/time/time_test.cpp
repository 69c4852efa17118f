#include "since_1900.hpp"

#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <ctime>

using namespace gatehouse::kit;

// The four bytes as a number, as a client reads them.
static std::uint32_t number(std::span<const std::byte, 4> bytes) {
    std::uint32_t value = 0;
    for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
}

TEST(Since1900, KnowsTheExamplesOfTheRfc) {
    EXPECT_EQ(number(since_1900(-2'208'988'800 + 1)), 1u);      // 1900-01-01 00:00:01 GMT
    EXPECT_EQ(number(since_1900(0)), 2'208'988'800u);           // 1970-01-01
    EXPECT_EQ(number(since_1900(420'595'200)), 2'629'584'000u); // 1983-05-01
}

TEST(Since1900, WrapsIn2036) {
    EXPECT_EQ(number(since_1900(2'085'978'495)), 0xffff'ffffu); // 2036-02-07 06:28:15
    EXPECT_EQ(number(since_1900(2'085'978'496)), 0u);
}

TEST(Time, SendsTheTimeAtOnceAndHangsUp) {
    Plugin plugin;
    const std::uint32_t before = number(since_1900(std::time(nullptr)));
    const Outcome outcome = plugin.connect().outcome();
    const std::uint32_t after = number(since_1900(std::time(nullptr)));
    EXPECT_EQ(outcome.reason, "done");
    ASSERT_EQ(outcome.output.size(), 4u);
    const std::uint32_t sent = number(std::as_bytes(std::span(outcome.output)).first<4>());
    EXPECT_LE(sent - before, after - before); // modulo 2^32, as the protocol counts
}
