// The client's side of TLS against our own server's.
#include "tls_test.hpp"

namespace gatehouse::host {
namespace {

class TlsClientTest : public TlsTest {};

TEST_F(TlsClientTest, VerifiesNamesAndAddresses) {
    const auto context = good(config());
    for (const std::string name : {"a.example", "x.b.example", "A.EXAMPLE", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1"}) {
        Wire wire(context, server_, name);
        EXPECT_EQ(wire.shake_hands(), Outcome::done) << name << ": " << wire.client->words();
        EXPECT_EQ(wire.server->sni(), name.find_first_of(":0") == std::string::npos ? name : "");
    }
    for (const std::string name : {"b.example", "x.y.b.example", "example", "xa.example"}) {
        Wire wire(context, server_, name);
        EXPECT_EQ(wire.shake_hands(), Outcome::failed);
        EXPECT_EQ(wire.client->words(), "certificate verify failed: hostname mismatch (it is not for " + name + ")");
    }
    for (const std::string name : {"127.0.0.2", "::2"}) {
        Wire wire(context, server_, name);
        EXPECT_EQ(wire.shake_hands(), Outcome::failed);
        EXPECT_TRUE(wire.client->words().starts_with("certificate verify failed: IP address mismatch (it is not for "))
            << wire.client->words();
    }
}

TEST_F(TlsClientTest, WithoutANameThereIsNothingToVerify) {
    EXPECT_EQ(TlsSession::client(good(config()), -1, ""), nullptr);
    TlsClientConfig careless;
    careless.verify = false;
    Wire wire(good(careless), server_, "");
    EXPECT_EQ(wire.shake_hands(), Outcome::done);
    EXPECT_EQ(wire.server->sni(), "");
}

TEST_F(TlsClientTest, BelievesWhatTheFileHas) {
    TlsClientConfig pinned = config();
    pinned.ca = folder_ / "web.pem"; // the server's own certificate, whose issuer nobody knows here
    EXPECT_EQ(Wire(good(pinned), server_, "a.example").shake_hands(), Outcome::done);
    write("ca.pem", make_authority("another").certificate);
    Wire wire(good(config()), server_, "a.example");
    EXPECT_EQ(wire.shake_hands(), Outcome::failed);
    EXPECT_EQ(wire.client->words(), "certificate verify failed: unable to get local issuer certificate");
}

TEST_F(TlsClientTest, ByteByByte) {
    Wire wire(good(config()), server_, "a.example", 1);
    ASSERT_EQ(wire.shake_hands(), Outcome::done);
    const std::string text = "what a server says";
    std::size_t size = 0;
    ASSERT_EQ(wire.server->write(text.data(), text.size(), false, size), Outcome::done);
    ASSERT_EQ(wire.server->finish(), Outcome::done);
    Outcome outcome{};
    EXPECT_EQ(wire.read(*wire.client, outcome), text);
    EXPECT_EQ(outcome, Outcome::end);
    // It has finished, and we have not.
    ASSERT_EQ(wire.client->write(text.data(), text.size(), false, size), Outcome::done);
    ASSERT_EQ(wire.client->finish(), Outcome::done);
    EXPECT_EQ(wire.read(*wire.server, outcome), text);
    EXPECT_EQ(outcome, Outcome::end);
}

// What comes in the same packet as the last of the handshake is told of by no event.
TEST_F(TlsClientTest, HasNewsOfWhatCameWithTheHandshake) {
    Wire wire(good(config()), server_, "a.example");
    ASSERT_EQ(wire.shake_hands(), Outcome::done);
    EXPECT_FALSE(wire.client->has_news());
    std::size_t size = 0;
    for (const char* word : {"one", "two"}) ASSERT_EQ(wire.server->write(word, 3, false, size), Outcome::done);
    wire.carry();
    std::array<char, 3> buffer{};
    ASSERT_EQ(wire.client->read(buffer.data(), buffer.size(), size), Outcome::done);
    EXPECT_TRUE(wire.client->holds_bytes());
    EXPECT_TRUE(wire.client->has_news());
}

TEST_F(TlsClientTest, AStreamThatIsCutIsNoEnd) {
    Wire wire(good(config()), server_, "a.example");
    ASSERT_EQ(wire.shake_hands(), Outcome::done);
    wire.cut();
    Outcome outcome{};
    EXPECT_EQ(wire.read(*wire.client, outcome), "");
    EXPECT_EQ(outcome, Outcome::cut);
}

TEST_F(TlsClientTest, SaysWhichFileIsWrong) {
    EXPECT_EQ(problems(config()), Problems{});
    TlsClientConfig bad = config();
    write("nothing.pem", "nothing");
    bad.ca = folder_ / "none.pem";
    bad.certificate = folder_ / "nothing.pem";
    bad.key = folder_ / "ca.pem";
    EXPECT_EQ(problems(bad),
              (Problems{{"ca", "cannot be opened: No such file or directory"},
                        {"certificate", "has no certificate (expected PEM text with -----BEGIN CERTIFICATE-----)"},
                        {"key", "has no private key (expected PEM text with -----BEGIN PRIVATE KEY-----)"}}));
    bad = config();
    bad.certificate = bad.key = folder_ / "web.pem";
    EXPECT_EQ(problems(bad),
              (Problems{{"certificate", "has no private key (expected PEM text with -----BEGIN PRIVATE KEY-----)"}}));
    make("other", {"other.example"});
    TlsClientConfig mixed = config();
    mixed.certificate = folder_ / "web.pem";
    mixed.key = folder_ / "other.key";
    EXPECT_EQ(problems(mixed), (Problems{{"key", "the key is not the certificate's: key values mismatch"}}));
}

TEST_F(TlsClientTest, WarnsOfKeysThatEverybodyMayUse) {
    TlsClientConfig open = config();
    open.certificate = folder_ / "web.pem";
    open.key = folder_ / "web.key";
    EXPECT_EQ(good(open)->warnings(), std::vector<std::string>{});
    ::chmod((folder_ / "web.key").c_str(), 0644);
    EXPECT_EQ(good(open)->warnings(),
              std::vector<std::string>{(folder_ / "web.key").string() +
                                       ": every user of this machine may use the key (chmod o= it, or better chmod 600)"});
}

} // namespace
} // namespace gatehouse::host
