// What a session says of its peer's end.
#include "tls_test.hpp"

#include <cerrno>

namespace gatehouse::host {
namespace {

class TlsSessionTest : public TlsTest {
  protected:
    // `ender` has sent its close_notify, `other` has read it, and then the connection has gone.
    void end_then_vanish(Wire& wire, TlsSession& ender, TlsSession& other) {
        ASSERT_EQ(wire.shake_hands(), Outcome::done);
        ASSERT_EQ(ender.finish(), Outcome::done);
        Outcome outcome{};
        ASSERT_EQ(wire.read(other, outcome), "");
        ASSERT_EQ(outcome, Outcome::end);
        wire.vanish();
    }
};

// OpenSSL calls a write that fails after a close_notify an orderly end (SSL_ERROR_ZERO_RETURN).
TEST_F(TlsSessionTest, AWriteAfterThePeersEndFailsWithTheSocket) {
    for (const bool of_server : {true, false}) {
        Wire wire(good(config()), server_, "a.example");
        TlsSession& writer = of_server ? *wire.server : *wire.client;
        end_then_vanish(wire, of_server ? *wire.client : *wire.server, writer);
        for (int i = 0; i < 2; ++i) { // it stays so
            std::size_t written = 0;
            EXPECT_EQ(writer.write("text", 4, false, written), Outcome::reset);
            EXPECT_EQ(writer.error(), EPIPE);
            EXPECT_EQ(written, 0U);
        }
        EXPECT_EQ(writer.finish(), Outcome::reset);
    }
}

TEST_F(TlsSessionTest, ACloseNotifyThatCannotBeSentHasFailed) {
    for (const bool of_server : {true, false}) {
        Wire wire(good(config()), server_, "a.example");
        TlsSession& writer = of_server ? *wire.server : *wire.client;
        end_then_vanish(wire, of_server ? *wire.client : *wire.server, writer);
        EXPECT_EQ(writer.finish(), Outcome::reset);
        EXPECT_EQ(writer.error(), EPIPE);
    }
}

// A server that refuses an upload answers, and then the connection is gone.
TEST_F(TlsSessionTest, AWriteThatFailsLeavesWhatHasArrivedToBeRead) {
    Wire wire(good(config()), server_, "a.example");
    ASSERT_EQ(wire.shake_hands(), Outcome::done);
    std::size_t written = 0;
    ASSERT_EQ(wire.server->write("refused", 7, false, written), Outcome::done);
    wire.carry();
    wire.vanish();
    EXPECT_EQ(wire.client->write("text", 4, false, written), Outcome::reset);
    std::array<char, 16> buffer{};
    std::size_t size = 0;
    ASSERT_EQ(wire.client->read(buffer.data(), buffer.size(), size), Outcome::done);
    EXPECT_EQ(std::string(buffer.data(), size), "refused");
    EXPECT_EQ(wire.client->read(buffer.data(), buffer.size(), size), Outcome::cut);
    EXPECT_EQ(wire.client->write("text", 4, false, written), Outcome::reset);
    EXPECT_EQ(wire.client->error(), EPIPE);
}

TEST_F(TlsSessionTest, AnEndWithoutCloseNotifyIsWhatTheServerTakesItFor) {
    for (const Truncation truncation : {Truncation::accept, Truncation::reset}) {
        const bool accept = truncation == Truncation::accept;
        Wire wire(good(config()), server(truncation), "a.example");
        ASSERT_EQ(wire.shake_hands(), Outcome::done);
        std::size_t written = 0;
        ASSERT_EQ(wire.client->write("question", 8, false, written), Outcome::done);
        wire.carry();
        wire.cut();
        Outcome outcome{};
        EXPECT_EQ(wire.read(*wire.server, outcome), "question");
        EXPECT_EQ(outcome == Outcome::end, accept); // or a reset: the wire takes no alert any more
        EXPECT_EQ(wire.server->truncated(), accept);
        EXPECT_EQ(wire.read(*wire.client, outcome), "");
        EXPECT_EQ(outcome, Outcome::cut) << "a server has to say its end";
        EXPECT_FALSE(wire.client->truncated());
    }
}

TEST_F(TlsSessionTest, AnEndWithCloseNotifyIsWhole) {
    Wire wire(good(config()), server_, "a.example");
    ASSERT_EQ(wire.shake_hands(), Outcome::done);
    ASSERT_EQ(wire.client->finish(), Outcome::done);
    wire.carry();
    wire.cut();
    Outcome outcome{};
    EXPECT_EQ(wire.read(*wire.server, outcome), "");
    EXPECT_EQ(outcome, Outcome::end);
    EXPECT_FALSE(wire.server->truncated());
}

} // namespace
} // namespace gatehouse::host
