// Moving bytes between the two sides of a relayed pair: copied, spliced, held up, and from one way to the other.
#include "relay/mover.hpp"

#include "sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {
namespace {

using Flow = RelayMover::Flow;

std::string random_bytes(std::size_t size) {
    static std::mt19937_64 random(7);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
        const std::uint64_t value = random();
        std::memcpy(bytes.data() + i, &value, std::min(sizeof value, size - i));
    }
    return bytes;
}

class Mover : public ::testing::TestWithParam<Ends (*)()> {
  public:
    Mover() {
        ::signal(SIGPIPE, SIG_IGN); // as the host does
        for (const int fd : {from_ends_.near.get(), to_ends_.near.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
        const int size = 256 * 1024; // so that it does not take long to fill
        ::setsockopt(to_ends_.near.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        ::setsockopt(to_ends_.far.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        const int large = 1024 * 1024; // so that several reads in a row find it full
        ::setsockopt(from_ends_.near.get(), SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
        ::setsockopt(from_ends_.far.get(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
        from_channel_.fd = from_ends_.near.get();
        to_channel_.fd = to_ends_.near.get();
        from_.channel = &from_channel_;
        to_.channel = &to_channel_;
    }
    ~Mover() override { mover_.discard(to_); }

  protected:
    // What the sender's peer can send now, of `bytes` from `sent_` on.
    void send_some(std::size_t most = ~std::size_t{0}) {
        const std::size_t size = std::min(bytes_.size() - sent_, most);
        const ssize_t count = ::send(from_ends_.far.get(), bytes_.data() + sent_, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) sent_ += static_cast<std::size_t>(count);
    }

    void take_some(std::size_t most) {
        const ssize_t count = ::recv(to_ends_.far.get(), part_.data(), std::min(most, part_.size()), MSG_DONTWAIT);
        if (count > 0) taken_.append(part_, 0, static_cast<std::size_t>(count));
    }

    std::size_t held() const { return (to_.kept ? to_.kept->end - to_.kept->begin : 0) + (to_.pipe ? to_.pipe->held : 0); }

    Flow step() {
        if (to_.held_up())
            if (const Flow flow = mover_.flush(to_); flow != Flow::emptied) return flow;
        return mover_.move(from_, to_);
    }

    // Until all of `bytes_` has arrived; the peer sends `sends` and takes `takes` at a time.
    void carry(std::size_t sends, std::size_t takes) {
        for (int idle = 0; taken_.size() < bytes_.size() && idle < 100'000; ++idle) {
            const std::size_t before = taken_.size();
            send_some(sends);
            const Flow flow = step();
            ASSERT_TRUE(flow == Flow::emptied || flow == Flow::more || flow == Flow::held_up) << static_cast<int>(flow);
            spliced_ = spliced_ || from_.splicing;
            ASSERT_LE(held(), RelayMover::spliced_at_once);
            ASSERT_EQ(from_channel_.bytes_in - to_channel_.bytes_out, held());
            take_some(takes);
            if (taken_.size() > before) idle = 0;
        }
        ASSERT_EQ(taken_.size(), bytes_.size());
        EXPECT_TRUE(taken_ == bytes_);
        EXPECT_EQ(from_channel_.bytes_in, bytes_.size());
        EXPECT_EQ(to_channel_.bytes_out, bytes_.size());
        EXPECT_FALSE(to_.held_up());
    }

    // Carries bulk until the direction splices.
    void make_it_splice() {
        // How much is there at each read is the kernel's affair, so it takes as many bytes as it takes.
        for (int i = 0; i < 10'000 && !from_.splicing; ++i) {
            if (sent_ == bytes_.size()) bytes_ += random_bytes(1 << 20);
            send_some();
            step();
            if (!from_.splicing) take_some(part_.size());
        }
        ASSERT_TRUE(from_.splicing);
    }

    // Until the receiver's buffers are full and a part is in a pipe.
    void make_it_stall() {
        bytes_ = random_bytes(8 << 20);
        for (int i = 0; i < 100'000 && !to_.pipe; ++i) {
            from_.splicing = true;
            send_some();
            step();
            if (to_.kept) take_some(part_.size()); // what came between splice and recv was copied
        }
        ASSERT_TRUE(to_.pipe);
        ASSERT_GT(to_.pipe->held, 0U);
    }

    RelayMover mover_;
    Ends from_ends_ = GetParam()();
    Ends to_ends_ = GetParam()();
    Channel from_channel_;
    Channel to_channel_;
    RelaySide from_;
    RelaySide to_;
    std::string bytes_; // of this test
    std::size_t sent_ = 0;
    std::string taken_;
    std::string part_ = std::string(1 << 20, '\0');
    bool spliced_ = false;
};

INSTANTIATE_TEST_SUITE_P(Over, Mover, ::testing::Values(&tcp_ends, &unix_ends),
                         [](const auto& test) { return std::string(test.param == &tcp_ends ? "tcp" : "unix"); });

TEST_P(Mover, CopiesSmallMessages) {
    bytes_ = random_bytes(100'000);
    carry(100, 1 << 20);
    EXPECT_FALSE(spliced_);
    EXPECT_EQ(mover_.copied(), bytes_.size());
    EXPECT_EQ(mover_.spliced(), 0U);
}

TEST_P(Mover, SplicesBulk) {
    make_it_splice();
    bytes_ += random_bytes(8 << 20);
    carry(~std::size_t{0}, 1 << 20);
    EXPECT_GT(mover_.spliced(), 0U);
    EXPECT_EQ(mover_.copied() + mover_.spliced(), bytes_.size());
}

// Bulk, then small messages, then bulk again, at sizes that fit no buffer.
TEST_P(Mover, GoesBackToCopyingAndToSplicingAgain) {
    for (const std::size_t odd : {1U, 4095U, 4097U, 65535U, 65537U, 262'143U, 262'145U, 1'000'003U}) {
        make_it_splice();
        bytes_ += random_bytes(odd);
        carry(~std::size_t{0}, 1 << 20);
        if (HasFatalFailure()) return;
        for (int i = 0; i < 64 && from_.splicing; ++i) {
            bytes_ += random_bytes(100);
            carry(~std::size_t{0}, 1 << 20);
            if (HasFatalFailure()) return;
        }
        EXPECT_FALSE(from_.splicing);
        bytes_.clear();
        taken_.clear();
        from_channel_.bytes_in = to_channel_.bytes_out = sent_ = 0;
    }
}

// The receiver takes a little at a time, so that every call ends somewhere in the middle.
TEST_P(Mover, LosesNothingWhenItIsHeldUp) {
    for (const std::size_t takes : {777U, 4096U, 50'001U}) {
        bytes_ = random_bytes(std::min<std::size_t>(takes * 500, 4 << 20));
        carry(~std::size_t{0}, takes);
        if (HasFatalFailure()) return;
        bytes_.clear();
        taken_.clear();
        from_channel_.bytes_in = to_channel_.bytes_out = sent_ = 0;
    }
}

TEST_P(Mover, KeepsABoundedAmount) {
    make_it_stall();
    for (int i = 0; i < 1000; ++i) {
        send_some();
        EXPECT_NE(step(), Flow::ended);
    }
    EXPECT_TRUE(to_.held_up());
    EXPECT_LT(from_channel_.bytes_in, 8U << 20U); // what the receiver's buffers took, and no more is read
    EXPECT_LE(held(), RelayMover::spliced_at_once);
    carry(~std::size_t{0}, 1 << 20); // and it goes on
}

TEST_P(Mover, SaysThatTheSenderHasEndedWhenAllIsPassedOn) {
    make_it_stall();
    bytes_.resize(sent_);
    from_ends_.far.reset();
    EXPECT_EQ(step(), Flow::held_up); // what is there comes first
    Flow flow = Flow::held_up;
    for (int i = 0; i < 100'000 && flow != Flow::ended; ++i) {
        take_some(1 << 20);
        flow = step();
        ASSERT_NE(flow, Flow::from_broken);
    }
    EXPECT_EQ(flow, Flow::ended);
    EXPECT_FALSE(to_.held_up());
    ::shutdown(to_channel_.fd, SHUT_WR);
    for (std::size_t before = 1; before != taken_.size();) {
        before = taken_.size();
        take_some(1 << 20);
    }
    EXPECT_TRUE(taken_ == bytes_);
}

TEST_P(Mover, WhatIsInThePipeHasNotBeenDelivered) {
    make_it_stall();
    to_ends_.far.reset(); // with unread input: a reset
    Flow flow = Flow::held_up;
    for (int i = 0; i < 1'000'000 && flow == Flow::held_up; ++i) flow = step(); // it may still be on its way
    EXPECT_EQ(flow, Flow::to_broken);
    EXPECT_GT(held(), 0U);
    EXPECT_EQ(from_channel_.bytes_in - to_channel_.bytes_out, held());
}

TEST_P(Mover, HearsOfTheSendersReset) {
    if (GetParam() == &unix_ends) GTEST_SKIP() << "closing a unix socket is no reset, but an end";
    from_.splicing = true;
    const linger hard{1, 0};
    ::setsockopt(from_ends_.far.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    from_ends_.far.reset();
    Flow flow = Flow::emptied;
    for (int i = 0; i < 1'000'000 && flow == Flow::emptied; ++i) flow = step(); // it may still be on its way
    EXPECT_EQ(flow, Flow::from_broken);
}

// Urgent data stops splice(2), which says that there is nothing more. The urgent byte itself is not part of the stream.
TEST_P(Mover, GoesOnAfterUrgentData) {
    if (GetParam() == &unix_ends) GTEST_SKIP() << "only TCP has urgent data";
    from_.splicing = true;
    const std::string before = random_bytes(10'000);
    const std::string after = random_bytes(20'000);
    ASSERT_EQ(::send(from_ends_.far.get(), before.data(), before.size(), 0), 10'000);
    ASSERT_EQ(::send(from_ends_.far.get(), "!", 1, MSG_OOB), 1);
    ASSERT_EQ(::send(from_ends_.far.get(), after.data(), after.size(), 0), 20'000);
    from_ends_.far.reset();
    from_channel_.heard(EPOLLIN | EPOLLPRI | EPOLLRDHUP);
    while (step() != Flow::ended) {
    }
    while (taken_.size() < 30'000) take_some(1 << 20);
    EXPECT_TRUE(taken_ == before + after);
}

// Where there is no descriptor for a pipe it is copied.
TEST_P(Mover, CopiesWithoutDescriptors) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const Descriptor next(::dup(0));
    const rlimit none{static_cast<rlim_t>(next.get()) + 1, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    bytes_ = random_bytes(4 << 20);
    carry(~std::size_t{0}, 1 << 20);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// --- pipes ---------------------------------------------------------------------------------------------------------------

TEST(Pipes, AreBoundedInNumber) {
    PipePool pool;
    std::vector<std::unique_ptr<Pipe>> lent;
    for (std::size_t i = 0; i < PipePool::most_lent; ++i) {
        lent.push_back(pool.take());
        ASSERT_TRUE(lent.back());
    }
    EXPECT_FALSE(pool.take());
    pool.give_back(std::move(lent.back()));
    EXPECT_TRUE(lent.back() = pool.take());
    for (auto& pipe : lent) pool.give_back(std::move(pipe));
}

TEST(Pipes, AreNotUsedAgainWithSomethingInThem) {
    PipePool pool;
    std::unique_ptr<Pipe> pipe = pool.take();
    ASSERT_TRUE(pipe);
    ASSERT_EQ(::write(pipe->in.get(), "x", 1), 1);
    pipe->held = 1;
    pool.give_back(std::move(pipe));
    pipe = pool.take();
    ASSERT_TRUE(pipe);
    char byte = 0;
    EXPECT_EQ(::read(pipe->out.get(), &byte, 1), -1);
    EXPECT_EQ(errno, EAGAIN);
    pool.give_back(std::move(pipe));
}

TEST(ImpossibleRelayState, WhatIsKeptIsKeptOnce) {
    RelaySide side;
    side.kept = std::make_unique<RelaySide::Kept>();
    const char byte = 'x';
    EXPECT_DEATH(deliver(side, {&byte, 1}), "impossible state at side.cpp:[0-9]+: .*held_up");
}

TEST(ImpossibleRelayState, OfKeptAndPipeOneIsFullAtTheMost) {
    RelaySide side;
    side.kept = std::make_unique<RelaySide::Kept>();
    side.pipe = std::make_unique<Pipe>();
    EXPECT_DEATH(check_kept(side), "impossible state at side.cpp:[0-9]+: ");
}

} // namespace
} // namespace gatehouse::host
