// The stage that finds a connection's plugin, with instances of a real plugin and a socket pair; no listener.
#include "stages/detection.hpp"

#include "config/load.hpp"
#include "plugin/test_facilities.hpp"
#include "recorded_log.hpp"
#include "samples.hpp"
#include "socket_address.hpp"
#include "sockets.hpp"
#include "tls/tls_test.hpp"

#include <fcntl.h>
#include <optional>
#include <string_view>

namespace gatehouse::host {
namespace {

using samples::records;
using samples::usual_hello;

constexpr std::string_view to_ssh = "[[listeners.routes]]\nprobe = \"ssh\"\nplugin = \"ssh\"\n";
constexpr std::string_view to_http = "[[listeners.routes]]\nprobe = \"http\"\nplugin = \"http\"\n";
constexpr std::string_view to_named = "[[listeners.routes]]\nsni = [\"www.example.org\"]\nplugin = \"named\"\n";
constexpr std::string_view to_near = "[[listeners.routes]]\nsource = [\"10.0.0.0/8\"]\nplugin = \"near\"\n";

// Of usual_hello: where its name ends, in bytes.
std::size_t name_ends(std::string_view hello) { return hello.find('g') + 1; }

class DetectionTest : public TlsTest {
  protected:
    // A listener with these keys and routes. Its own plugin is not among them.
    void listen(std::string_view keys, std::string_view routes, Layer layer = Layer::outer) {
        config_ = parse_config("[host]\nplugin_path = [\"" GATEHOUSE_PLUGIN_DIR "\"]\n[tls.web]\ncertificate = \"" +
                                   (folder_ / "web.pem").string() + "\"\nkey = \"" + (folder_ / "web.key").string() + "\"\n" +
                                   "[plugins.ssh]\nlibrary = \"echo\"\n[plugins.http]\nlibrary = \"echo\"\n"
                                   "[plugins.named]\nlibrary = \"echo\"\n[plugins.near]\nlibrary = \"echo\"\n"
                                   "[plugins.other]\nlibrary = \"echo\"\n"
                                   "[[listeners]]\nname = \"test\"\naddress = \"127.0.0.1:0\"\n" +
                                   std::string(keys) + "\n" + std::string(routes),
                               "/test.toml");
        plugins_.emplace(config_, host_.facilities, host_.libraries);
        tls_.emplace(config_.tls, ticket_keys_, host_.log);
        stage_.emplace(config_.listeners.front(), layer, plugins_->finder(), *tls_, maps_, counts_, log_.log);
        connect();
    }
    void connect() {
        ends_ = unix_ends();
        channel_ = Channel();
        channel_.fd = ends_.near.get();
        has_begun_ = false;
    }
    void send(std::string_view text) {
        ASSERT_EQ(::write(ends_.far.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    // As the listener asks: it remembers that the stage has set a deadline.
    Verdict look(bool expired = false) {
        Verdict verdict = stage_->look(visitor(expired));
        has_begun_ = has_begun_ || verdict.limit.has_value();
        return verdict;
    }
    Visitor visitor(bool expired = false) {
        return {.channel = channel_,
                .peer = peer_,
                .behalf = behalf_,
                .proxied = proxied_ ? &*proxied_ : nullptr,
                .has_begun = has_begun_,
                .expired = expired};
    }
    // The name of the plugin, "tls", "more" or the reason.
    std::string found(bool expired = false) {
        const Verdict verdict = look(expired);
        if (verdict.what == Verdict::What::more) return "more";
        if (verdict.what == Verdict::What::refuse) return std::string(to_string(verdict.reason));
        return verdict.plugin != nullptr ? verdict.plugin->name() : verdict.tls != nullptr ? "tls" : "pass";
    }

    TestFacilities host_;
    RecordedLog log_;
    Config config_;
    std::optional<Plugins> plugins_;
    TicketKeyRing ticket_keys_;
    const LiveMaps maps_{{}, log_.log};
    std::optional<TlsServers> tls_;
    RouteCounts counts_;
    std::optional<Detection> stage_;
    Ends ends_;
    Channel channel_;
    SocketAddress peer_ = address_of("192.0.2.1");
    Behalf behalf_ = Behalf::client;
    std::optional<Proxied> proxied_;
    bool has_begun_ = false;
};

TEST_F(DetectionTest, RoutesByPatternAndLeavesTheBytes) {
    listen("", std::string(to_ssh) + std::string(to_http));
    send("GE");
    EXPECT_EQ(found(), "more");
    send("T / HTTP/1.1\r\n");
    EXPECT_EQ(found(), "http");
    std::array<char, 64> buffer{};
    EXPECT_EQ(channel_.receive(buffer.data(), buffer.size()), 16);
    connect();
    send("SSH-2.0-x\r\n");
    EXPECT_EQ(found(), "ssh");
}

TEST_F(DetectionTest, CountsWhatARouteTakes) {
    listen("plugin = \"other\"", std::string(to_ssh) + std::string(to_http));
    for (const char* said : {"GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "EHLO me there\r\n"}) {
        connect();
        send(said);
        found();
    }
    Explanation explanation;
    EXPECT_EQ(stage_->explain(visitor(), {}, explanation).what, Verdict::What::more);
    EXPECT_EQ(counts_.first(10), (std::vector<std::uint64_t>{1, 2}));
    EXPECT_EQ(counts_.first(1), (std::vector<std::uint64_t>{1}));
}

TEST_F(DetectionTest, RoutesByNameWhereverTheHelloIsSplit) {
    listen("plugin = \"other\"", to_named);
    for (std::size_t size = 1; size < usual_hello.size(); ++size) {
        connect();
        send(usual_hello.substr(0, size));
        ASSERT_EQ(found(), size < name_ends(usual_hello) ? "more" : "named") << size;
        send(usual_hello.substr(size));
        ASSERT_EQ(found(), "named") << size;
    }
}

TEST_F(DetectionTest, RoutesByNameByteByByteAndAcrossRecords) {
    listen("plugin = \"other\"", to_named);
    const std::string small_records = records(samples::hello_message(samples::usual_extensions), 7);
    for (const std::string& hello : {usual_hello, small_records}) {
        connect();
        for (std::size_t i = 0; i < hello.size(); ++i) {
            send(hello.substr(i, 1));
            ASSERT_EQ(found(), i + 1 < name_ends(hello) ? "more" : "named") << i;
        }
    }
}

TEST_F(DetectionTest, WhatNoRouteTakesIsTheListenersOwnOrNobodys) {
    listen("", to_ssh);
    send("\xff");
    EXPECT_EQ(found(), "no_match");
    listen("plugin = \"other\"", to_ssh);
    send("\xff");
    EXPECT_EQ(found(), "other");
}

TEST_F(DetectionTest, SilenceEnds) {
    listen("first_byte_timeout = \"7s\"", to_ssh);
    EXPECT_EQ(stage_->limit(visitor()), Milliseconds(7'000));
    EXPECT_EQ(found(), "more");
    EXPECT_EQ(found(true), "first_byte_timeout");
}

TEST_F(DetectionTest, SilenceIsServed) {
    listen("first_byte_timeout = \"7s\"\non_silence = { after = \"300ms\", plugin = \"other\" }", to_ssh);
    EXPECT_EQ(stage_->limit(visitor()), Milliseconds(300));
    EXPECT_EQ(found(), "more");
    EXPECT_EQ(found(true), "other");
    connect();
    send("\xff");
    EXPECT_EQ(found(), "no_match") << "it has said something";
}

TEST_F(DetectionTest, AnEndOrAResetIsNoSilence) {
    listen("on_silence = { after = \"1s\", plugin = \"other\" }", to_ssh);
    ends_.far.reset();
    EXPECT_EQ(found(), "peer_closed");
    EXPECT_EQ(found(true), "peer_closed");
    connect();
    ASSERT_EQ(::write(ends_.near.get(), "x", 1), 1);
    ends_.far.reset(); // with a byte unread
    EXPECT_EQ(found(), "peer_reset");
}

TEST_F(DetectionTest, TheTimeOfTheRoutesBeginsOnceWithTheFirstByte) {
    listen("detect.timeout = \"900ms\"\nplugin = \"other\"", to_ssh);
    EXPECT_EQ(look().limit, std::nullopt) << "nothing has come";
    send("S");
    Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::more);
    EXPECT_EQ(verdict.limit, Milliseconds(900));
    send("S");
    verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::more);
    EXPECT_EQ(verdict.limit, std::nullopt);
    EXPECT_EQ(found(true), "other");
}

TEST_F(DetectionTest, AFirstByteAtTheEndOfTheSilenceStillHasItsTime) {
    listen("detect.timeout = \"900ms\"", to_ssh);
    send("S");
    const Verdict verdict = look(true);
    EXPECT_EQ(verdict.what, Verdict::What::more);
    EXPECT_EQ(verdict.limit, Milliseconds(900));
    EXPECT_EQ(found(true), "no_match");
}

TEST_F(DetectionTest, WhenTheTimeIsOverTheNextThatFitsTakesIt) {
    listen("", std::string(to_named) + "[[listeners.routes]]\nprobe = \"tls\"\nplugin = \"other\"\n");
    send(usual_hello.substr(0, 20));
    EXPECT_EQ(found(), "more");
    EXPECT_EQ(found(true), "other");
}

TEST_F(DetectionTest, LooksAtSoManyBytesAndNoMore) {
    listen("detect.limit = \"16\"", to_named);
    send(usual_hello.substr(0, 15));
    EXPECT_EQ(found(), "more");
    send(usual_hello.substr(15, 1));
    EXPECT_EQ(found(), "no_match");
    listen("detect.limit = \"16\"", to_named);
    send(usual_hello);
    EXPECT_EQ(found(), "no_match");
}

TEST_F(DetectionTest, ByDefaultItLooksAt16KiB) {
    const auto padded = [](std::size_t size) {
        return records(samples::hello_message(samples::extension(21, std::string(size, '\0')) + samples::usual_extensions));
    };
    listen("", to_named);
    send(padded(15'000));
    EXPECT_EQ(found(), "named");
    connect();
    send(padded(17'000));
    EXPECT_EQ(found(), "no_match");
    listen("detect.limit = \"64KiB\"", to_named);
    send(padded(60'000));
    EXPECT_EQ(found(), "named");
}

TEST_F(DetectionTest, SaysThatARouteWasPassedOverForWantOfBytes) {
    listen("plugin = \"other\"\ndetect.limit = 16", std::string(to_ssh) + std::string(to_named));
    for (int i = 0; i < 3; ++i) {
        connect();
        send(usual_hello);
        EXPECT_EQ(found(), "other");
    }
    connect();
    send("SSH");
    EXPECT_EQ(found(), "more");
    EXPECT_EQ(found(true), "other");
    connect();
    send("SSH");
    channel_.hangup = true;
    EXPECT_EQ(found(), "other") << "the client has ended it";
    connect();
    send("\xff");
    EXPECT_EQ(found(), "other") << "no route lacked anything";
    const std::string start = R"("message":"a route was passed over","listener":"test","route":"/test.toml:)";
    const std::vector<std::string> records = log_.records();
    ASSERT_EQ(records.size(), 2U) << "the others have to wait for their turn";
    EXPECT_TRUE(records[0].starts_with(start)) << records[0];
    EXPECT_TRUE(records[0].ends_with(
        R"("peer":"192.0.2.1:4711","bytes":16,"error":"it needs more bytes than detect.limit","times":1})"))
        << records[0];
    EXPECT_TRUE(records[1].starts_with(start)) << records[1];
    EXPECT_TRUE(records[1].ends_with(
        R"("peer":"192.0.2.1:4711","bytes":3,"error":"its bytes did not come within detect.timeout","times":1})"))
        << records[1];
}

TEST_F(DetectionTest, WhatHasComeBeforeAnEndIsAllThereIs) {
    listen("plugin = \"other\"", to_ssh);
    send("SSH");
    EXPECT_EQ(found(), "more");
    ASSERT_EQ(::shutdown(ends_.far.get(), SHUT_WR), 0);
    channel_.hangup = true; // as the event said: the bytes hide the end
    EXPECT_EQ(found(), "other");
}

TEST_F(DetectionTest, RoutesBySourceBeforeAnythingHasCome) {
    listen("", to_near);
    EXPECT_TRUE(stage_->at_once());
    EXPECT_EQ(found(), "no_match");
    peer_ = address_of("10.1.2.3");
    EXPECT_EQ(found(), "near");
    listen("", to_ssh);
    EXPECT_FALSE(stage_->at_once());
}

TEST_F(DetectionTest, ARouteLetsInWhomItsListsAllow) {
    listen("plugin = \"other\"", std::string(to_ssh) + "allow = [\"10.0.0.0/8\"]\ndeny = [\"10.9.0.0/16\"]\n");
    send("SSH-2.0-x\r\n");
    EXPECT_EQ(found(), "denied_acl") << "no further route is asked, nor the listener's plugin";
    peer_ = address_of("10.9.0.1");
    EXPECT_EQ(found(), "denied_acl");
    peer_ = address_of("10.1.2.3");
    EXPECT_EQ(found(), "ssh");
}

TEST_F(DetectionTest, ARouteLetsATrustedProxyInOnItsOwnBehalf) {
    listen("proxy_protocol.from = [\"10.9.0.0/24\"]", std::string(to_ssh) + "allow = [\"192.0.2.0/24\"]\n");
    send("SSH-2.0-x\r\n");
    peer_ = address_of("10.9.0.1");
    EXPECT_EQ(found(), "denied_acl") << "a client with a proxy's address";
    behalf_ = Behalf::proxy;
    EXPECT_EQ(found(), "ssh");
}

TEST_F(DetectionTest, WhatAProxySaysOfTlsNeedsNoBytes) {
    listen("", to_named);
    proxied_ = Proxied{address_of("10.0.0.1"), peer_, peer_, "", "www.example.org", ""};
    EXPECT_EQ(found(), "named");
    proxied_->authority = "mail.example.org";
    EXPECT_EQ(found(), "no_match");
}

TEST_F(DetectionTest, WhatAProxyDoesNotSayIsInTheHello) {
    listen("", to_named);
    proxied_ = Proxied{address_of("10.0.0.1"), peer_, peer_, "", "", "h2"};
    EXPECT_EQ(found(), "more");
    send(usual_hello);
    EXPECT_EQ(found(), "named");
    listen("", "[[listeners.routes]]\nalpn = [\"http/1.1\"]\nplugin = \"named\"\n");
    proxied_ = Proxied{address_of("10.0.0.1"), peer_, peer_, "", "mail.example.org", ""};
    send(usual_hello);
    EXPECT_EQ(found(), "named");
}

TEST_F(DetectionTest, ItIsNotForConnectionsWhosePluginIsKnown) {
    listen("", to_ssh);
    Visitor known = visitor();
    known.plugin = &plugins_->find("other");
    EXPECT_EQ(stage_->limit(known), std::nullopt);
}

class DetectionInTls : public DetectionTest {
  protected:
    static constexpr std::string_view opening = "[[listeners.routes]]\nsni = [\"a.example\"]\ntls = \"web\"\n";

    // The host has ended TLS for a client that asked for `name`; "": for none.
    void shake_hands(const std::string& name) {
        for (const Descriptor* fd : {&ends_.near, &ends_.far}) ASSERT_EQ(::fcntl(fd->get(), F_SETFL, O_NONBLOCK), 0);
        TlsClientConfig client = config();
        client.verify = !name.empty(); // without a name there is nothing to verify
        client_ = TlsSession::client(good(client), ends_.far.get(), name);
        Reason refused{};
        channel_.tls = tls_->find("web").session(ends_.near.get(), refused);
        for (int i = 0; i < 10 && !(client_->established() && channel_.tls->established()); ++i) {
            if (!client_->established()) client_->handshake();
            if (!channel_.tls->established()) channel_.tls->handshake();
        }
        ASSERT_TRUE(channel_.tls->established());
    }
    void write(std::string_view text) {
        std::size_t written = 0;
        ASSERT_EQ(client_->write(text.data(), text.size(), false, written), Outcome::done);
    }

    std::unique_ptr<TlsSession> client_;
};

TEST_F(DetectionInTls, ARouteThatOpensTlsSaysWithWhichSection) {
    const std::string routes = std::string(opening) + std::string(to_http);
    listen("", routes);
    send(records(samples::hello_message(samples::sni("a.example"))));
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::pass);
    EXPECT_EQ(verdict.plugin, nullptr);
    EXPECT_EQ(verdict.tls, &tls_->find("web"));
    connect();
    send("GET / HTTP/1.1\r\n");
    EXPECT_EQ(found(), "http");
}

TEST_F(DetectionInTls, ARouteWithTlsAndAPluginSaysBoth) {
    listen("", std::string(opening) + "plugin = \"named\"\n");
    send(records(samples::hello_message(samples::sni("a.example"))));
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::pass);
    EXPECT_EQ(verdict.plugin, &plugins_->find("named"));
    EXPECT_EQ(verdict.tls, &tls_->find("web"));
}

TEST_F(DetectionInTls, InsideItLooksAtTheDecryptedBytes) {
    listen("", std::string(opening) + std::string(to_ssh) + std::string(to_http), Layer::inner);
    shake_hands("a.example");
    EXPECT_EQ(found(), "more") << "the route that has opened it is not asked again";
    write("GE");
    EXPECT_EQ(found(), "more");
    write("T / HTTP/1.1\r\n");
    EXPECT_EQ(found(), "http");
    std::array<char, 64> buffer{};
    EXPECT_EQ(channel_.receive(buffer.data(), buffer.size()), 16) << "the bytes are left";
}

TEST_F(DetectionInTls, InsideItKnowsTheNameThatWasAskedFor) {
    listen("",
           std::string("[[listeners.routes]]\nprobe = \"tls\"\ntls = \"web\"\n") +
               "[[listeners.routes]]\nsni = [\"*.b.example\"]\nplugin = \"named\"\n" + std::string(to_http),
           Layer::inner);
    shake_hands("x.b.example");
    EXPECT_EQ(found(), "named") << "before anything has been said inside";
    connect();
    shake_hands("a.example");
    EXPECT_EQ(found(), "more");
}

TEST_F(DetectionInTls, InsideTheSessionIsNearerThanAProxy) {
    listen("",
           std::string("[[listeners.routes]]\nprobe = \"tls\"\ntls = \"web\"\n") + std::string(to_named) +
               "[[listeners.routes]]\nalpn = [\"h2\"]\nplugin = \"other\"\n" + std::string(to_http),
           Layer::inner);
    proxied_ = Proxied{address_of("10.0.0.1"), peer_, peer_, "", "www.example.org", ""};
    shake_hands("");
    EXPECT_EQ(found(), "named") << "the session has no name";
    connect();
    shake_hands("a.example");
    EXPECT_EQ(found(), "more") << "the session has another name";
    proxied_->alpn = "h2";
    EXPECT_EQ(found(), "other") << "the session has no protocol";
}

TEST_F(DetectionInTls, AnEndInsideIsAnEnd) {
    listen("", std::string(opening) + std::string(to_http), Layer::inner);
    shake_hands("a.example");
    ASSERT_EQ(client_->finish(), Outcome::done);
    EXPECT_EQ(found(), "peer_closed");
}

} // namespace
} // namespace gatehouse::host
