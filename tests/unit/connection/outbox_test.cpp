// Output that is handed over, and that a socket takes bit by bit.
#include "connection/outbox.hpp"

#include "sockets.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

using OutboxFlow = Outbox::Flow;

class OutboxTest : public testing::Test {
  protected:
    OutboxTest() {
        const int small = 4096;
        ::setsockopt(ends_.near.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        ::fcntl(ends_.near.get(), F_SETFL, O_NONBLOCK);
        channel_.fd = ends_.near.get();
    }
    void add(std::string_view text) {
        const gatehouse_bytes part{text.data(), text.size()};
        outbox_.add({&part, 1});
    }
    std::string taken() {
        std::array<char, 65536> buffer;
        const ssize_t size = ::recv(ends_.far.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
    }
    // Flushes and takes in turn, until there is nothing left.
    std::string all() {
        std::string text;
        for (int i = 0; i < 100'000; ++i) {
            const OutboxFlow flow = outbox_.flush(channel_);
            text += taken();
            if (flow != OutboxFlow::held_up && flow != OutboxFlow::more) {
                EXPECT_EQ(flow, OutboxFlow::emptied);
                break;
            }
        }
        for (std::string more = taken(); !more.empty(); more = taken()) text += more;
        return text;
    }
    Descriptor file(std::size_t size) {
        Descriptor fd(::memfd_create("file", MFD_CLOEXEC));
        const std::string text(size, 'f');
        EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        return fd;
    }

    Ends ends_ = unix_ends();
    Channel channel_;
    Outbox outbox_;
};

TEST_F(OutboxTest, SendsEverythingInItsOrder) {
    const Descriptor some = file(50'000);
    add("one ");
    outbox_.add_file(some.get(), 10, 30'000);
    add(std::string(100'000, 'x'));
    EXPECT_EQ(outbox_.copied(), 100'004U);
    EXPECT_EQ(outbox_.left(), 130'004U);
    EXPECT_EQ(outbox_.flush(channel_), OutboxFlow::held_up);
    EXPECT_GT(outbox_.left(), 0U);
    EXPECT_EQ(channel_.bytes_out + outbox_.left(), 130'004U);
    const std::string first = taken();
    EXPECT_EQ(first + all(), "one " + std::string(30'000, 'f') + std::string(100'000, 'x'));
    EXPECT_EQ(outbox_.copied(), 0U);
}

TEST_F(OutboxTest, KeepsTheFilesOfItsOwner) {
    Descriptor some = file(200'000);
    outbox_.add_file(some.get(), 0, 200'000);
    EXPECT_EQ(outbox_.flush(channel_), OutboxFlow::held_up);
    ASSERT_TRUE(outbox_.keep_files());
    some.reset(); // the plugin's goes
    EXPECT_EQ(all(), std::string(200'000, 'f'));
    EXPECT_EQ(outbox_.left(), 0U);
}

TEST_F(OutboxTest, AFileThatEndsEarlyIsSaid) {
    const Descriptor some = file(100);
    outbox_.add_file(some.get(), 0, 101);
    EXPECT_EQ(outbox_.flush(channel_), OutboxFlow::short_file);
}

TEST_F(OutboxTest, APeerThatHasGoneIsSaid) {
    ends_.far.reset();
    add("x");
    EXPECT_EQ(outbox_.flush(channel_), OutboxFlow::broken);
    EXPECT_EQ(errno, EPIPE);
}

TEST_F(OutboxTest, NothingIsNothing) {
    add("");
    outbox_.add_file(-1, 0, 0);
    EXPECT_EQ(outbox_.left(), 0U);
    EXPECT_EQ(outbox_.flush(channel_), OutboxFlow::emptied);
}

} // namespace
} // namespace gatehouse::host
