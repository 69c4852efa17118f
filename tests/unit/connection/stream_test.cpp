// Reading and writing one end of a socket pair, as an upstream connection does: no service behind it.
#include "connection/stream.hpp"

#include "connection/upstream.hpp"
#include "sockets.hpp"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds millisecond = 1'000'000;

class StreamTest : public ::testing::Test {
  protected:
    StreamTest() {
        Ends ends = unix_ends();
        const int small = 4096; // so that writes have to wait
        ::setsockopt(ends.near.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        stream_.emplace(drain_, SocketAddress(), ends.near.release());
        peer_ = std::move(ends.far);
    }

    gatehouse_status read(std::string& text, std::size_t capacity = 64) {
        text.resize(capacity);
        std::size_t size = 0;
        const gatehouse_status status = stream_->read(text.data(), capacity, size);
        text.resize(status == GATEHOUSE_OK ? size : 0);
        return status;
    }
    gatehouse_status write(std::string_view text) {
        const gatehouse_bytes part{text.data(), text.size()};
        return stream_->write({&part, 1});
    }
    void peer_sends(std::string_view text) {
        ASSERT_EQ(::write(peer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::string peer_takes(std::size_t size) {
        std::string text(size, '\0');
        std::size_t have = 0;
        while (have < size) {
            const ssize_t count = ::read(peer_.get(), text.data() + have, size - have);
            if (count <= 0) break;
            have += static_cast<std::size_t>(count);
        }
        text.resize(have);
        return text;
    }

    Drain drain_;
    std::optional<Upstream> stream_;
    Descriptor peer_;
    std::string text_;
};

TEST_F(StreamTest, ReadsWhatIsThere) {
    peer_sends("hello");
    EXPECT_EQ(read(text_, 3), GATEHOUSE_OK);
    EXPECT_EQ(text_, "hel");
    EXPECT_FALSE(stream_->emptied);
    EXPECT_EQ(read(text_), GATEHOUSE_OK);
    EXPECT_EQ(text_, "lo");
    EXPECT_TRUE(stream_->emptied);
    EXPECT_EQ(stream_->bytes_in, 5U);
}

TEST_F(StreamTest, WaitsForBytes) {
    std::thread late([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        peer_sends("late");
    });
    EXPECT_EQ(read(text_), GATEHOUSE_OK);
    EXPECT_EQ(text_, "late");
    late.join();
}

TEST_F(StreamTest, AReadIntoNothingIsInvalid) { EXPECT_EQ(read(text_, 0), GATEHOUSE_INVALID); }

TEST_F(StreamTest, TheEndStaysTheEndAndWritingGoesOn) {
    ::shutdown(peer_.get(), SHUT_WR);
    EXPECT_EQ(read(text_), GATEHOUSE_END);
    EXPECT_EQ(read(text_), GATEHOUSE_END);
    EXPECT_TRUE(stream_->read_end);
    EXPECT_EQ(write("still here"), GATEHOUSE_OK);
    EXPECT_EQ(peer_takes(10), "still here");
}

TEST_F(StreamTest, WritesEverythingThroughASmallBuffer) {
    std::string big;
    for (int i = 0; i < 1'000'000; ++i) big += static_cast<char>('a' + i % 26);
    std::string got;
    std::thread reader([&] { got = peer_takes(big.size()); });
    EXPECT_EQ(write(big), GATEHOUSE_OK);
    reader.join();
    EXPECT_TRUE(got == big);
    EXPECT_EQ(stream_->bytes_out, big.size());
}

TEST_F(StreamTest, GathersPartsInOrderEmptyOnesToo) {
    std::string expected;
    std::vector<std::string> texts;
    for (int i = 0; i < 300; ++i)
        texts.push_back(i % 3 == 0 ? std::string() : std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26)));
    std::vector<gatehouse_bytes> parts;
    for (const std::string& text : texts) {
        parts.push_back({text.data(), text.size()});
        expected += text;
    }
    std::string got;
    std::thread reader([&] { got = peer_takes(expected.size()); });
    EXPECT_EQ(stream_->write(parts), GATEHOUSE_OK);
    reader.join();
    EXPECT_TRUE(got == expected);
    EXPECT_EQ(stream_->write({}), GATEHOUSE_OK);
}

TEST_F(StreamTest, SendsAPartOfAFileAfterAHeader) {
    const Descriptor file(::memfd_create("file", MFD_CLOEXEC));
    std::string content;
    for (int i = 0; i < 200'000; ++i) content += static_cast<char>(i);
    ASSERT_EQ(::write(file.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
    const gatehouse_bytes header{"header ", 7};
    std::string got;
    std::thread reader([&] { got = peer_takes(7 + 150'000); });
    EXPECT_EQ(stream_->send_file({&header, 1}, file.get(), 1000, 150'000), GATEHOUSE_OK);
    reader.join();
    EXPECT_TRUE(got == "header " + content.substr(1000, 150'000));
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), static_cast<off_t>(content.size())) << "the file's position was moved";
}

TEST_F(StreamTest, AFileThatIsTooShortBreaksTheStream) {
    const Descriptor file(::memfd_create("file", MFD_CLOEXEC));
    ASSERT_EQ(::write(file.get(), "12345", 5), 5);
    EXPECT_EQ(stream_->send_file({}, file.get(), 0, 6), GATEHOUSE_FAILED);
    EXPECT_EQ(write("more"), GATEHOUSE_RESET);
}

TEST_F(StreamTest, AfterFinishThePeerSeesTheEndAndReadingGoesOn) {
    EXPECT_EQ(write("bye"), GATEHOUSE_OK);
    EXPECT_EQ(stream_->finish(), GATEHOUSE_OK);
    EXPECT_EQ(stream_->finish(), GATEHOUSE_OK);
    EXPECT_EQ(peer_takes(100), "bye");
    EXPECT_EQ(write("more"), GATEHOUSE_RESET);
    peer_sends("you too");
    EXPECT_EQ(read(text_), GATEHOUSE_OK);
    EXPECT_EQ(text_, "you too");
}

TEST_F(StreamTest, AWriteToAPeerThatHasGoneIsAReset) {
    ::signal(SIGPIPE, SIG_DFL); // it must not be needed
    peer_.reset();
    EXPECT_EQ(write("hello?"), GATEHOUSE_RESET);
    EXPECT_EQ(stream_->reason, Reason::peer_reset);
    EXPECT_EQ(write("hello?"), GATEHOUSE_RESET);
    EXPECT_EQ(stream_->finish(), GATEHOUSE_RESET);
}

// --- deadlines -----------------------------------------------------------------------------------------------------------

TEST_F(StreamTest, ThePluginsDeadlineIsToldOnceAndMayBeSetAgain) {
    stream_->set_deadline(20);
    EXPECT_EQ(read(text_), GATEHOUSE_TIMER);
    EXPECT_FALSE(stream_->reason);
    peer_sends("x");
    EXPECT_EQ(read(text_), GATEHOUSE_OK);
    stream_->set_deadline(20);
    EXPECT_EQ(read(text_), GATEHOUSE_TIMER);
}

TEST_F(StreamTest, AClientThatLeavesAfterATickHasLeft) {
    stream_->set_deadline(20);
    EXPECT_EQ(read(text_), GATEHOUSE_TIMER);
    EXPECT_TRUE(stream_->deadline_hit);
    peer_.reset();
    EXPECT_EQ(read(text_), GATEHOUSE_END);
    EXPECT_FALSE(stream_->deadline_hit);
}

TEST_F(StreamTest, BytesDoNotMoveThePluginsDeadline) {
    const Nanoseconds start = monotonic_now();
    stream_->set_deadline(60);
    std::atomic<bool> stop{false};
    std::thread dripping([&] {
        while (!stop.load()) {
            peer_sends("x");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    gatehouse_status status = GATEHOUSE_OK;
    while (status == GATEHOUSE_OK && monotonic_now() - start < 20'000 * millisecond) status = read(text_);
    EXPECT_EQ(status, GATEHOUSE_TIMER);
    EXPECT_GE(monotonic_now() - start, 59 * millisecond);
    stop.store(true);
    dripping.join();
}

TEST_F(StreamTest, TheIdleTimeEndsAReadAndLeavesTimeForAFarewell) {
    stream_->idle = 20 * millisecond;
    EXPECT_EQ(read(text_), GATEHOUSE_TIMEOUT);
    EXPECT_EQ(stream_->reason, Reason::idle_timeout);
    EXPECT_EQ(read(text_), GATEHOUSE_TIMEOUT); // at once
    EXPECT_EQ(write("too slow"), GATEHOUSE_OK);
    EXPECT_EQ(peer_takes(8), "too slow");
}

TEST_F(StreamTest, TheLifetimeEndsAReadHoweverBusy) {
    stream_->lifetime = monotonic_now() + 20 * millisecond;
    EXPECT_EQ(read(text_), GATEHOUSE_TIMEOUT);
    EXPECT_EQ(stream_->reason, Reason::lifetime);
}

TEST_F(StreamTest, TheIdleTimeEndsAWriteThatNobodyTakes) {
    stream_->idle = 20 * millisecond;
    EXPECT_EQ(write(std::string(1'000'000, 'x')), GATEHOUSE_TIMEOUT);
    EXPECT_EQ(write("more"), GATEHOUSE_RESET);
}

TEST_F(StreamTest, TheEarliestDeadlineCounts) {
    EXPECT_EQ(stream_->due(5).when, never);
    stream_->idle = 100;
    EXPECT_EQ(stream_->due(5).when, 105);
    EXPECT_EQ(stream_->due(5).reason, Reason::idle_timeout);
    stream_->plugin_deadline = 50;
    EXPECT_EQ(stream_->due(5).reason, Reason::deadline);
    stream_->lifetime = 10;
    EXPECT_EQ(stream_->due(5).when, 10);
    EXPECT_EQ(stream_->due(5).reason, Reason::lifetime);
    stream_->idle = never;
    EXPECT_EQ(stream_->due(never - 1).reason, Reason::lifetime);
}

// --- drain ---------------------------------------------------------------------------------------------------------------

TEST_F(StreamTest, TheDrainIsToldOnceAndBytesStillCome) {
    drain_.start(monotonic_now() + 60'000 * millisecond);
    peer_sends("first");
    EXPECT_EQ(read(text_), GATEHOUSE_OK); // what is there comes first
    EXPECT_EQ(read(text_), GATEHOUSE_STOPPING);
    std::thread late([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        peer_sends("last");
    });
    EXPECT_EQ(read(text_), GATEHOUSE_OK);
    EXPECT_EQ(text_, "last");
    late.join();
}

TEST_F(StreamTest, TheDrainIsHeardWhileWaiting) {
    std::thread stopper([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        drain_.start(monotonic_now() + 60'000 * millisecond);
    });
    EXPECT_EQ(read(text_), GATEHOUSE_STOPPING);
    EXPECT_EQ(stream_->reason, Reason::drained);
    stopper.join();
}

TEST_F(StreamTest, TheEndOfTheDrainTimeCutsReadsAndWritesOff) {
    std::thread stopper([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        drain_.start(monotonic_now() + 20 * millisecond);
    });
    EXPECT_NE(write(std::string(1'000'000, 'x')), GATEHOUSE_OK); // waits, hears of the drain, and ends with it
    stopper.join();
    EXPECT_EQ(read(text_), GATEHOUSE_RESET); // at once
    EXPECT_EQ(write("x"), GATEHOUSE_RESET);
}

} // namespace
} // namespace gatehouse::host
