#include "base/bell.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/epoll.h>
#include <thread>

namespace gatehouse::host {
namespace {

bool rings(const Bell& bell, int timeout = 0) {
    pollfd waiting{bell.descriptor(), POLLIN, 0};
    return ::poll(&waiting, 1, timeout) == 1;
}

TEST(Bell, RingsUntilItIsAcknowledged) {
    const Bell bell;
    EXPECT_FALSE(rings(bell));
    bell.acknowledge(); // does not wait for a ring
    bell.ring();
    bell.ring();
    EXPECT_TRUE(rings(bell));
    EXPECT_TRUE(rings(bell));
    bell.acknowledge();
    EXPECT_FALSE(rings(bell));
}

TEST(Bell, EachRingIsAnEdge) {
    const Bell bell;
    const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{EPOLLIN | EPOLLET, {}};
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, bell.descriptor(), &event), 0);
    EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
    for (int ring = 0; ring < 2; ++ring) {
        bell.ring();
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 1);
        EXPECT_EQ(::epoll_wait(epoll.get(), &event, 1, 0), 0);
    }
}

TEST(Bell, WakesAThreadThatWaits) {
    const Bell bell;
    bool woken = false;
    std::thread waiting([&] { woken = rings(bell, -1); });
    bell.ring();
    waiting.join();
    EXPECT_TRUE(woken);
}

} // namespace
} // namespace gatehouse::host
