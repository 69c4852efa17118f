// Bytes that the host carries from one stream to another: as many as were asked for, and what ends that earlier.
#include "connection/carry.hpp"

#include "sockets.hpp"
#include "threads/drain.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

namespace gatehouse::host {
namespace {

class CarryTest : public testing::Test {
  protected:
    using Flow = Carry::Flow;

    CarryTest() {
        const int small = 4096;
        ::setsockopt(to_ends_.near.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        from_.fd = from_ends_.near.get();
        to_.fd = to_ends_.near.get();
    }
    void say(std::string_view text) {
        ASSERT_EQ(::send(from_ends_.far.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    std::string heard() {
        std::string text(65536, '\0');
        const ssize_t size = ::recv(to_ends_.far.get(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }
    std::string unread() {
        std::string text(64, '\0');
        const ssize_t size = ::recv(from_ends_.near.get(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }

    const Drain drain_;
    Ends from_ends_ = unix_ends();
    Ends to_ends_ = unix_ends();
    Stream from_{drain_};
    Stream to_{drain_};
};

TEST_F(CarryTest, TakesNotOneByteMore) {
    Carry carry(from_, to_, 5, false);
    EXPECT_EQ(carry.step(), Flow::waits);
    say("hel");
    EXPECT_EQ(carry.step(), Flow::waits);
    say("lo, world");
    EXPECT_EQ(carry.step(), Flow::over);
    EXPECT_EQ(heard(), "hello");
    EXPECT_EQ(unread(), ", world");
    EXPECT_EQ(carry.status(), GATEHOUSE_OK);
    EXPECT_EQ(carry.moved(), 5);
    EXPECT_EQ(from_.bytes_in, 5);
    EXPECT_EQ(to_.bytes_out, 5);
    EXPECT_EQ(carry.step(), Flow::over);
}

TEST_F(CarryTest, NothingIsOverAtOnce) {
    Carry carry(from_, to_, 0, true);
    EXPECT_EQ(carry.step(), Flow::over);
    EXPECT_EQ(carry.status(), GATEHOUSE_OK);
}

// It does not read while the other side has something left to take, and is not over before it has taken it.
TEST_F(CarryTest, WaitsForASideThatDoesNotRead) {
    const std::string text(200'000, 'x');
    Carry carry(from_, to_, text.size(), false);
    std::string all;
    std::size_t said = 0;
    for (int i = 0; i < 100'000 && all.size() < text.size(); ++i) {
        const ssize_t size =
            ::send(from_ends_.far.get(), text.data() + said, std::min<std::size_t>(text.size() - said, 50'000), MSG_DONTWAIT);
        if (size > 0) said += static_cast<std::size_t>(size);
        to_.flush();
        const Flow flow = carry.step();
        EXPECT_TRUE(flow != Flow::over || !to_.holds_output());
        all += heard();
    }
    EXPECT_EQ(all, text);
    to_.flush();
    EXPECT_EQ(carry.step(), Flow::over);
}

TEST_F(CarryTest, OutputThatIsLeftGoesFirst) {
    const std::string head(100'000, 'h');
    const gatehouse_bytes part{head.data(), head.size()};
    std::uint64_t left = 0;
    ASSERT_EQ(to_.send({&part, 1}, -1, 0, 0, left), GATEHOUSE_OK);
    ASSERT_GT(left, 0);
    say("body");
    Carry carry(from_, to_, 4, false);
    EXPECT_EQ(carry.step(), Flow::waits);
    EXPECT_EQ(from_.bytes_in, 0);
    std::string all;
    for (int i = 0; i < 100'000 && carry.step() != Flow::over; ++i) {
        all += heard();
        to_.flush();
    }
    EXPECT_EQ(all + heard(), head + "body");
}

TEST_F(CarryTest, AnEndIsTold) {
    say("half");
    ::shutdown(from_ends_.far.get(), SHUT_WR);
    Carry carry(from_, to_, 100, false);
    EXPECT_EQ(carry.step(), Flow::over);
    EXPECT_EQ(carry.status(), GATEHOUSE_END);
    EXPECT_EQ(carry.moved(), 4);
    EXPECT_EQ(carry.failed(), nullptr);
    EXPECT_EQ(heard(), "half");
}

TEST_F(CarryTest, TheSideThatIsBrokenIsNamed) {
    say("some");
    to_ends_.far.reset();
    Carry carry(from_, to_, 100, false);
    EXPECT_EQ(carry.step(), Flow::over);
    EXPECT_EQ(carry.status(), GATEHOUSE_RESET);
    EXPECT_EQ(carry.failed(), &to_);
    EXPECT_TRUE(to_.broken);
    EXPECT_FALSE(from_.broken);
}

TEST_F(CarryTest, NewsEndIt) {
    for (const bool listens : {false, true}) {
        say("some");
        to_.found = GATEHOUSE_READABLE;
        Carry carry(from_, to_, 100, listens);
        EXPECT_EQ(carry.step(), listens ? Flow::over : Flow::waits);
        EXPECT_EQ(carry.status(), GATEHOUSE_AGAIN);
        EXPECT_EQ(carry.moved(), listens ? 0 : 4);
        EXPECT_EQ(carry.reads(to_), listens);
        EXPECT_TRUE(carry.reads(from_));
    }
    EXPECT_EQ(unread(), "some"); // of the second
}

TEST_F(CarryTest, OneThatIsGivenUpStaysSo) {
    Carry carry(from_, to_, 100, false);
    carry.give_up(GATEHOUSE_TIMEOUT);
    say("late");
    EXPECT_EQ(carry.step(), Flow::over);
    EXPECT_EQ(carry.status(), GATEHOUSE_TIMEOUT);
    carry.give_up(GATEHOUSE_RESET);
    EXPECT_EQ(carry.status(), GATEHOUSE_TIMEOUT);
    EXPECT_EQ(unread(), "late");
}

} // namespace
} // namespace gatehouse::host
