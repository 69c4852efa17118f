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

} // namespace
} // namespace gatehouse::host
