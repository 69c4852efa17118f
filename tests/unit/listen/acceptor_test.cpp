// The acceptor's states, with a real listening socket and a pool that no thread serves: the test is the pool's thread.
#include "listen/acceptor.hpp"

#include "base/log.hpp"
#include "config/config.hpp"
#include "sockets.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

using State = Acceptor::State;

class AcceptorTest : public ::testing::Test {
  public:
    AcceptorTest() { listener_.listen(); }

  protected:
    static ListenerConfig config() {
        ListenerConfig config;
        config.name = "test";
        config.address.host = "127.0.0.1";
        return config;
    }
    static LogConfig quiet() {
        LogConfig config;
        config.file = "/dev/null";
        return config;
    }

    std::unique_ptr<Acceptor> make(bool one_at_a_time = false) {
        auto acceptor = std::make_unique<Acceptor>(
            listener_, pool_, 7, one_at_a_time, counts_, spare_,
            AcceptHooks{.has_room = [this] { return accepted_.size() < room_; },
                        .welcome = [this](int fd, const SocketAddress&) { accepted_.emplace_back(fd); },
                        .refuse =
                            [this](int fd, const SocketAddress&, Reason reason) {
                                ::close(fd);
                                refused_.push_back(reason);
                            }},
            "test", alarm_, log_);
        acceptor->prepare();
        return acceptor;
    }

    Descriptor connect() const { return connect_to_loopback(listener_.port()); }

    Log log_{quiet()};
    Alarm alarm_;
    Standby standby_;
    Listener listener_{config(), log_};
    Pool pool_{{}, alarm_, standby_, [](std::uint64_t, std::uint32_t) {}};
    AcceptCounts counts_;
    SpareDescriptor spare_;
    std::size_t room_ = 100;
    std::vector<Descriptor> accepted_;
    std::vector<Reason> refused_;
};

TEST(AcceptCounts, CountsEachError) {
    AcceptCounts counts;
    for (int error = 1; error <= 100; ++error) // more kinds than there is room for: the first ones stay right
        for (int i = 0; i < error; ++i) counts.count_error(error);
    counts.count_error(2);
    std::vector<std::pair<int, std::uint64_t>> found;
    counts.for_each_error([&](int error, std::uint64_t count) { found.emplace_back(error, count); });
    ASSERT_GE(found.size(), 10U);
    EXPECT_EQ(found[0], std::pair(1, std::uint64_t{1}));
    EXPECT_EQ(found[1], std::pair(2, std::uint64_t{3}));
    EXPECT_EQ(found[2], std::pair(3, std::uint64_t{3}));
}

TEST_F(AcceptorTest, TakesAllThatWait) {
    const auto acceptor = make();
    EXPECT_EQ(acceptor->state(), State::idle);
    acceptor->start();
    const Descriptor first = connect();
    const Descriptor second = connect();
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 2U);
    EXPECT_EQ(counts_.accepted(), 2U);
    EXPECT_EQ(acceptor->state(), State::accepting);
}

TEST_F(AcceptorTest, OneAtATimeLeavesTheNextForTheNextThread) {
    const auto acceptor = make(true);
    acceptor->start();
    const Descriptor first = connect();
    const Descriptor second = connect();
    EXPECT_TRUE(acceptor->serves_at_once());
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 1U);
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 2U);
    acceptor->stop();
    EXPECT_FALSE(acceptor->serves_at_once());
}

TEST_F(AcceptorTest, AtTheLimitNewcomersWaitUntilThereIsRoom) {
    room_ = 1;
    const auto acceptor = make();
    acceptor->start();
    const Descriptor first = connect();
    const Descriptor second = connect();
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 1U);
    EXPECT_EQ(acceptor->state(), State::full);
    acceptor->ready(); // in vain
    EXPECT_EQ(accepted_.size(), 1U);
    accepted_.clear();
    acceptor->room();
    EXPECT_EQ(acceptor->state(), State::accepting);
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(AcceptorTest, WithoutDescriptorsItPausesAndThenRefusesTheFirst) {
    const auto acceptor = make();
    acceptor->start();
    const Descriptor client = connect();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int lowest = ::dup(0); // every number below is in use
    ::close(lowest);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const Nanoseconds begin = monotonic_now();
    acceptor->ready();
    EXPECT_EQ(acceptor->state(), State::short_of);
    const Nanoseconds pause = acceptor->supervise(monotonic_now());
    EXPECT_GT(pause, monotonic_now());
    EXPECT_EQ(acceptor->supervise(pause), never);
    EXPECT_EQ(acceptor->state(), State::accepting);
    while (refused_.empty() && monotonic_now() < begin + 10'000'000'000) {
        acceptor->ready();
        acceptor->supervise(never - 1);
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_GE(monotonic_now(), begin + 1'000'000'000);
    EXPECT_EQ(refused_, std::vector{Reason::host_out_of_fds});
    const Descriptor next = connect();
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 1U);
    EXPECT_EQ(acceptor->state(), State::accepting);
}

TEST_F(AcceptorTest, StoppedItTakesThoseThatWaitOnDemandAlone) {
    const auto acceptor = make();
    acceptor->start();
    const Descriptor client = connect();
    acceptor->stop();
    EXPECT_EQ(acceptor->state(), State::closed);
    acceptor->ready();
    acceptor->room();
    EXPECT_EQ(acceptor->supervise(monotonic_now()), never);
    EXPECT_TRUE(accepted_.empty());
    acceptor->take_waiting(10);
    EXPECT_EQ(accepted_.size(), 1U);
}

// The listening socket goes from one generation's acceptor to the next one's.
TEST_F(AcceptorTest, AnotherAcceptorGoesOnWithTheSameSocket) {
    const auto before = make();
    before->start();
    before->stop();
    const Descriptor client = connect();
    const auto after = make();
    after->start();
    after->ready();
    EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(AcceptorTest, ReopenedItAcceptsAgain) {
    const auto acceptor = make();
    acceptor->start();
    acceptor->reopen(); // it is open
    EXPECT_EQ(acceptor->state(), State::accepting);
    acceptor->stop();
    EXPECT_TRUE(acceptor->at_rest());
    const Descriptor client = connect();
    acceptor->reopen();
    acceptor->reopen();
    EXPECT_EQ(acceptor->state(), State::idle);
    acceptor->ready();
    EXPECT_TRUE(accepted_.empty());
    acceptor->start();
    acceptor->ready();
    EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(AcceptorTest, StartsOnce) {
    const auto acceptor = make();
    acceptor->start();
    EXPECT_DEATH(acceptor->start(), "impossible state at acceptor.cpp");
}

} // namespace
} // namespace gatehouse::host
