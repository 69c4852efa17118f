// The stage of the PROXY header, with a socket pair and no listener.
#include "stages/proxy_stage.hpp"

#include "net/network.hpp"
#include "socket_address.hpp"
#include "sockets.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace gatehouse::host {
namespace {

class ProxyStageTest : public ::testing::Test {
  protected:
    ProxyStageTest() { channel_.fd = ends_.near.get(); }

    static ProxyProtocolConfig config() {
        ProxyProtocolConfig config;
        std::string error;
        config.from = {parse_network("10.0.0.0/8", error).value()};
        return config;
    }
    static LogConfig quiet() {
        LogConfig config;
        config.file = "/dev/null";
        return config;
    }
    void send(std::string_view text) {
        ASSERT_EQ(::write(ends_.far.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    Verdict look(bool expired = false) {
        return stage_.look({.channel = channel_, .peer = address_of("10.1.2.3"), .expired = expired});
    }

    Log log_{quiet()};
    const ProxyStage stage_{config(), "test", log_};
    Channel channel_;
    Ends ends_ = unix_ends();
};

TEST_F(ProxyStageTest, IsForTheListedNetworksAlone) {
    EXPECT_EQ(stage_.limit({.channel = channel_, .peer = address_of("10.9.9.9")}), Milliseconds(5'000));
    EXPECT_EQ(stage_.limit({.channel = channel_, .peer = address_of("192.0.2.1")}), std::nullopt);
}

TEST_F(ProxyStageTest, SaysWhomTheConnectionIsForAndTakesTheHeaderAlone) {
    send("PROXY TCP4 192.0.2.1 198.51.100.2 1000 80\r\nGET");
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::pass);
    ASSERT_NE(verdict.proxied, nullptr);
    EXPECT_EQ(to_string(verdict.proxied->source), "192.0.2.1:1000");
    EXPECT_EQ(to_string(verdict.proxied->destination), "198.51.100.2:80");
    EXPECT_EQ(to_string(verdict.proxied->transport), "10.1.2.3:4711");
    EXPECT_FALSE(channel_.emptied);
    std::array<char, 8> rest{};
    EXPECT_EQ(::recv(channel_.fd, rest.data(), rest.size(), MSG_DONTWAIT), 3);
}

TEST_F(ProxyStageTest, WaitsForTheWholeHeader) {
    const std::string_view header = "PROXY TCP4 192.0.2.1 198.51.100.2 1000 80\r\n";
    for (std::size_t i = 0; i + 1 < header.size(); ++i) {
        send(header.substr(i, 1));
        ASSERT_EQ(look().what, Verdict::What::more) << i;
    }
    EXPECT_EQ(look(true).reason, Reason::bad_proxy_header);
    send("\n");
    EXPECT_EQ(look().what, Verdict::What::pass);
    EXPECT_TRUE(channel_.emptied);
}

TEST_F(ProxyStageTest, RefusesWhatIsNoHeader) {
    send("GET / HTTP/1.1\r\n");
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::refuse);
    EXPECT_EQ(verdict.reason, Reason::bad_proxy_header);
}

TEST_F(ProxyStageTest, TellsSilenceFromAnEnd) {
    EXPECT_EQ(look().what, Verdict::What::more);
    EXPECT_EQ(look(true).reason, Reason::first_byte_timeout);
    ends_.far.reset();
    EXPECT_EQ(look().reason, Reason::peer_closed);
}

TEST_F(ProxyStageTest, AProxysOwnConnectionIsForNobodyElse) {
    send("PROXY UNKNOWN\r\n");
    const Verdict verdict = look();
    EXPECT_EQ(verdict.what, Verdict::What::pass);
    EXPECT_EQ(verdict.proxied, nullptr);
}

} // namespace
} // namespace gatehouse::host
