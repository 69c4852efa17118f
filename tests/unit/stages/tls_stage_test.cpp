// The stage of the handshake, with a TLS client of the test's and a wire that the test carries the bytes of; no listener.
#include "stages/tls_stage.hpp"

#include "base/socket.hpp"
#include "sockets.hpp"
#include "tls/tls_test.hpp"

#include <algorithm>
#include <fcntl.h>
#include <string_view>

namespace gatehouse::host {
namespace {

void unblock(const Descriptor& fd) { EXPECT_EQ(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), 0); }

class TlsStageTest : public TlsTest {
  protected:
    TlsStageTest() {
        for (const Descriptor* fd : {&host_.near, &host_.far, &client_.near, &client_.far}) unblock(*fd);
        channel_.fd = host_.near.get();
        session_ = TlsSession::client(good(config()), client_.near.get(), "a.example");
    }

    TlsConfig section_config() const {
        TlsConfig config;
        config.pairs.push_back({{folder_ / "web.pem", ""}, {folder_ / "web.key", ""}, {}});
        config.handshake_timeout = Milliseconds(1'234);
        config.max_handshakes = 1;
        return config;
    }
    static ListenerConfig listener() {
        ListenerConfig config;
        config.name = "test";
        config.first_byte_timeout = Milliseconds(567);
        return config;
    }
    static LogConfig quiet() {
        LogConfig config;
        config.file = "/dev/null";
        return config;
    }

    Visitor visitor(bool expired = false) { return {.channel = channel_, .peer = {}, .expired = expired}; }
    Verdict look(bool expired = false) { return stage_.look(visitor(expired)); }

    // Up to `most` of the bytes that the client has sent go to the host; how many went.
    std::size_t carry_to_host(std::size_t most = 65536) { return carry(client_.far, host_.far, most); }
    std::size_t carry_to_client() { return carry(host_.far, client_.far, 65536); }
    void send_to_host(std::string_view text) {
        ASSERT_EQ(::write(host_.far.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }

    // The client's side of the handshake is done, and its last message is on the wire.
    void almost_shake_hands() {
        ASSERT_EQ(session_->handshake(), Outcome::want_read);
        carry_to_host();
        ASSERT_EQ(look().what, Verdict::What::more);
        carry_to_client();
        ASSERT_EQ(session_->handshake(), Outcome::done);
    }
    void client_writes(std::string_view text) {
        std::size_t written = 0;
        ASSERT_EQ(session_->write(text.data(), text.size(), false, written), Outcome::done);
        ASSERT_EQ(written, text.size());
    }
    std::string received() {
        std::array<char, 64> buffer{};
        const ssize_t size = channel_.receive(buffer.data(), buffer.size());
        return size < 0 ? "(nothing)" : std::string(buffer.data(), static_cast<std::size_t>(size));
    }

  private:
    static std::size_t carry(const Descriptor& from, const Descriptor& to, std::size_t most) {
        std::array<char, 65536> buffer{};
        const ssize_t size = ::recv(from.get(), buffer.data(), std::min(most, buffer.size()), 0);
        if (size <= 0) return 0;
        EXPECT_EQ(::send(to.get(), buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL), size);
        return static_cast<std::size_t>(size);
    }

  protected:
    Log log_{quiet()};
    const TlsConfig section_config_ = section_config();
    TlsServer section_{section_config_, nullptr, log_};
    const ListenerConfig listener_ = listener();
    const TlsStage stage_{&section_, listener_, log_};
    Ends host_ = unix_ends();
    Ends client_ = unix_ends();
    Channel channel_;
    std::unique_ptr<TlsSession> session_; // the client's
};

TEST_F(TlsStageTest, IsForAllConnectionsOfAListenerOrForThoseOfARoute) {
    EXPECT_EQ(stage_.limit(visitor()), Milliseconds(567));
    const TlsStage by_route(nullptr, listener_, log_);
    EXPECT_EQ(by_route.limit(visitor()), std::nullopt);
    Visitor routed = visitor();
    routed.tls = &section_;
    EXPECT_EQ(by_route.limit(routed), Milliseconds(567));
    send_to_host("\x16");
    EXPECT_EQ(by_route.look(routed).what, Verdict::What::more);
    EXPECT_EQ(section_.handshakes(), 1U);
}

TEST_F(TlsStageTest, SilenceCostsNothing) {
    EXPECT_EQ(look().what, Verdict::What::more);
    EXPECT_EQ(look(true).what, Verdict::What::more); // which the listener ends as first_byte_timeout
    EXPECT_EQ(channel_.tls, nullptr);
    EXPECT_EQ(section_.handshakes(), 0U);
}

TEST_F(TlsStageTest, TheTimeOfTheHandshakeBeginsWithTheFirstByte) {
    send_to_host("\x16");
    const Verdict first = look();
    EXPECT_EQ(first.what, Verdict::What::more);
    EXPECT_EQ(first.limit, Milliseconds(1'234));
    EXPECT_NE(channel_.tls, nullptr);
    EXPECT_EQ(section_.handshakes(), 1U);
    send_to_host("\x03");
    const Verdict second = look();
    EXPECT_EQ(second.what, Verdict::What::more);
    EXPECT_EQ(second.limit, std::nullopt);
}

TEST_F(TlsStageTest, AHandshakePasses) {
    almost_shake_hands();
    carry_to_host();
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::pass);
    EXPECT_TRUE(channel_.tls->established());
    EXPECT_EQ(channel_.tls->sni(), "a.example");
    EXPECT_EQ(section_.handshakes(), 0U);
    EXPECT_TRUE(channel_.emptied) << "nothing has come with it";
}

TEST_F(TlsStageTest, AHandshakeByteByByte) {
    int limits = 0;
    for (int i = 0; i < 100'000; ++i) {
        session_->handshake();
        carry_to_host(1);
        const Verdict verdict = look();
        limits += verdict.limit ? 1 : 0;
        if (verdict.what == Verdict::What::pass) break;
        ASSERT_EQ(verdict.what, Verdict::What::more) << i << " " << to_string(verdict.reason);
        carry_to_client();
    }
    EXPECT_TRUE(channel_.tls->established());
    EXPECT_EQ(limits, 1);
}

TEST_F(TlsStageTest, BytesThatCameWithTheHandshakeAreNews) {
    almost_shake_hands();
    client_writes("GET");
    carry_to_host();
    EXPECT_EQ(look().what, Verdict::What::pass);
    EXPECT_FALSE(channel_.emptied);
    EXPECT_EQ(received(), "GET");
}

// No event tells of the part that has come, but one will tell of the rest.
TEST_F(TlsStageTest, APartOfARecordIsNoNews) {
    almost_shake_hands();
    const std::size_t finished = carry_to_host();
    client_writes("GET");
    ASSERT_EQ(carry_to_host(10), 10U);
    ASSERT_GT(finished, 0U);
    EXPECT_EQ(look().what, Verdict::What::pass);
    EXPECT_TRUE(channel_.emptied);
    EXPECT_EQ(received(), "(nothing)");
    carry_to_host();
    EXPECT_EQ(received(), "GET");
}

TEST_F(TlsStageTest, AnEndThatCameWithTheHandshakeIsNews) {
    almost_shake_hands();
    ASSERT_EQ(session_->finish(), Outcome::done);
    carry_to_host();
    EXPECT_EQ(look().what, Verdict::What::pass);
    EXPECT_FALSE(channel_.emptied);
    EXPECT_EQ(received(), "");
}

TEST_F(TlsStageTest, WhatIsNoTlsFails) {
    send_to_host("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::tls_failed);
}

TEST_F(TlsStageTest, AClientThatClosesBeforeOrWithinTheHandshake) {
    host_.far.reset();
    Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::peer_closed);
    EXPECT_TRUE(channel_.read_end);

    const Ends other = unix_ends();
    unblock(other.near);
    Channel channel;
    channel.fd = other.near.get();
    channel_.tls.reset(); // its place is free again
    ASSERT_EQ(::write(other.far.get(), "\x16\x03", 2), 2);
    EXPECT_EQ(stage_.look({.channel = channel, .peer = {}}).what, Verdict::What::more);
    ASSERT_EQ(::shutdown(other.far.get(), SHUT_WR), 0);
    verdict = stage_.look({.channel = channel, .peer = {}});
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::peer_closed);
    EXPECT_TRUE(channel.read_end);
}

TEST_F(TlsStageTest, AClientThatResetsBeforeIt) {
    Ends ends = tcp_ends();
    unblock(ends.near);
    Channel channel;
    channel.fd = ends.near.get();
    reset_on_close(ends.far.get());
    ends.far.reset();
    const Verdict verdict = stage_.look({.channel = channel, .peer = {}});
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::peer_reset);
}

TEST_F(TlsStageTest, AClientThatResetsWithinTheHandshake) {
    session_->handshake();
    carry_to_host();
    ASSERT_EQ(look().what, Verdict::What::more);
    host_.far.reset(); // with the answer unread
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::peer_reset);
    EXPECT_TRUE(channel_.broken);
}

TEST_F(TlsStageTest, AHandshakeThatTakesTooLongFails) {
    send_to_host("\x16");
    ASSERT_EQ(look().what, Verdict::What::more);
    const Verdict verdict = look(true);
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::tls_failed);
    EXPECT_TRUE(channel_.broken);
    EXPECT_FALSE(channel_.tls->shakes_hands()) << "it is counted already";
    EXPECT_EQ(section_.counts().failed(static_cast<std::size_t>(HandshakeCounts::Failure::timeout)), 1U);
    EXPECT_EQ(section_.handshakes(), 0U);
}

TEST_F(TlsStageTest, AtMaxHandshakesNewcomersNeedAnothersPlace) {
    session_->handshake();
    carry_to_host();
    ASSERT_EQ(look().what, Verdict::What::more);

    const Ends other = unix_ends();
    unblock(other.near);
    Channel channel;
    channel.fd = other.near.get();
    EXPECT_EQ(stage_.look({.channel = channel, .peer = {}}).what, Verdict::What::more) << "silence needs no place";
    ASSERT_EQ(::write(other.far.get(), "\x16", 1), 1);
    const Verdict verdict = stage_.look({.channel = channel, .peer = {}});
    EXPECT_EQ(verdict.what, Verdict::What::full);
    EXPECT_EQ(verdict.reason, Reason::handshakes_full);
    EXPECT_EQ(channel.tls, nullptr);

    carry_to_client();
    session_->handshake();
    carry_to_host();
    ASSERT_EQ(look().what, Verdict::What::pass);
    EXPECT_EQ(stage_.look({.channel = channel, .peer = {}}).what, Verdict::What::more) << "the place is free";
    EXPECT_EQ(section_.handshakes(), 1U);
}

} // namespace
} // namespace gatehouse::host
