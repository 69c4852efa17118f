// The client's side of TLS against our own server's, over a wire that carries as many bytes at a time as a test wants.
#include "tls/certificate.hpp"
#include "tls/session.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;
using Outcome = TlsSession::Outcome;
using Problems = std::map<std::string, std::string, std::less<>>;

class TlsClientTest : public testing::Test {
  public:
    TlsClientTest() {
        std::string name = (fs::temp_directory_path() / "gatehouse-tls-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        folder_ = name;
        write("ca.pem", authority_.certificate);
        make("web", {"a.example", "*.b.example", "127.0.0.1", "::1"});
        TlsConfig config;
        config.pairs.push_back({{folder_ / "web.pem", ""}, {folder_ / "web.key", ""}, {}});
        std::vector<std::string> problems;
        const TlsFiles files = read_tls_files(config, problems);
        server_ = std::make_shared<TlsContext>(config, files, nullptr);
    }
    ~TlsClientTest() override { fs::remove_all(folder_); }

  protected:
    void write(const std::string& name, const std::string& text, unsigned mode = 0600) const {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        ::chmod((folder_ / name).c_str(), mode);
    }
    void make(const std::string& name, const std::vector<std::string>& names) const {
        const MadeCertificate made = make_certificate(authority_, names);
        write(name + ".pem", made.certificate);
        write(name + ".key", made.key);
    }
    TlsClientConfig config() const {
        TlsClientConfig config;
        config.ca = folder_ / "ca.pem";
        return config;
    }
    static std::shared_ptr<const TlsContext> good(const TlsClientConfig& config) {
        return TlsContext::client(config,
                                  [](std::string_view key, const std::string& why) { ADD_FAILURE() << key << ": " << why; });
    }
    Problems problems(const TlsClientConfig& config) const {
        Problems found;
        const auto made = TlsContext::client(config, [&](std::string_view key, const std::string& why) {
            found.emplace(key, why.substr(why.find(": ") + 2)); // without the path
        });
        EXPECT_EQ(made == nullptr, !found.empty());
        return found;
    }

    const MadeCertificate authority_ = make_authority("a test");
    fs::path folder_;
    std::shared_ptr<const TlsContext> server_;
};

// Two sessions, and what is between them.
class Wire {
  public:
    Wire(std::shared_ptr<const TlsContext> client_context, std::shared_ptr<const TlsContext> server_context,
         const std::string& name, std::size_t at_once = 65536)
        : at_once_(at_once) {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, near_.data()) != 0 ||
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, far_.data()) != 0)
            throw std::runtime_error("socketpair");
        client = TlsSession::client(std::move(client_context), near_[0], name);
        server = TlsSession::server(std::move(server_context), far_[0], handshakes_);
    }
    ~Wire() {
        for (const int fd : {near_[0], near_[1], far_[0], far_[1]}) ::close(fd);
    }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // Some bytes each way, if there are any.
    void carry() {
        for (const auto& [from, to] : {std::pair(near_[1], far_[1]), std::pair(far_[1], near_[1])}) {
            std::array<char, 65536> buffer{};
            const ssize_t size = ::recv(from, buffer.data(), at_once_, 0);
            if (size > 0 && ::send(to, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) != size)
                ADD_FAILURE() << "the wire is full";
            if (size == 0) ::shutdown(to, SHUT_WR);
        }
    }

    // Until the client is done or has failed; so is the server then, as far as it can be.
    Outcome shake_hands() {
        Outcome ours = Outcome::want_read, theirs = Outcome::want_read;
        const auto open = [](Outcome outcome) { return outcome == Outcome::want_read || outcome == Outcome::want_write; };
        for (int i = 0; i < 100'000 && (open(ours) || (ours == Outcome::done && open(theirs))); ++i) {
            if (open(ours)) ours = client->handshake();
            if (open(theirs)) theirs = server->handshake();
            carry();
        }
        return ours;
    }

    std::string read(TlsSession& session, Outcome& outcome) {
        std::string text;
        for (int i = 0; i < 100'000; ++i) {
            std::array<char, 100> buffer{};
            std::size_t size = 0;
            outcome = session.read(buffer.data(), buffer.size(), size);
            if (outcome == Outcome::done)
                text.append(buffer.data(), size);
            else if (outcome != Outcome::want_read)
                break;
            carry();
        }
        return text;
    }

    void cut() { ::shutdown(far_[1], SHUT_RDWR), ::shutdown(near_[1], SHUT_WR); }

    std::unique_ptr<TlsSession> client, server;

  private:
    const std::size_t at_once_;
    std::array<int, 2> near_{}, far_{};
    std::atomic<std::uint32_t> handshakes_{1};
};

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
                                       ": everybody on this machine may use the key (chmod o= it, or better chmod 600)"});
}

} // namespace
} // namespace gatehouse::host
