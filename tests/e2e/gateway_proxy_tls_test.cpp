// What a server behind the gateway learns of a client's TLS, which the listener has ended: the PROXY protocol's TLVs.
#include "real_servers.hpp"
#include "tls_fixture.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

class GatewayProxyTls : public Tls {
  public:
    GatewayProxyTls() { certificates_.make("alice", {"alice.example"}); }

    std::unique_ptr<Gatehouse> gateway(const std::string& upstream, const std::string& tlvs) const {
        return host("gateway", "alpn = [\"http/1.1\"]\nclient = \"optional\"\nclient_ca = \"" + certificates_.ca() + "\"", "",
                    "[plugins.gateway.config]\nupstream = \"" + upstream + "\"\nproxy_protocol = \"v2\"\nproxy_tlvs = [" +
                        tlvs + "]\n");
    }
};

std::string tlv(char type, const std::string& value) {
    return std::string{type, '\0', static_cast<char>(value.size())} + value;
}

// The header's TLVs after addresses of IPv4.
std::string received_tlvs(Server& server) {
    Client connection = server.accept();
    const std::string head = connection.recv_exactly(16);
    EXPECT_EQ(head.substr(0, 14), std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14));
    const auto size =
        static_cast<std::size_t>(static_cast<unsigned char>(head[14]) * 256 + static_cast<unsigned char>(head[15]));
    std::string tlvs = connection.recv_exactly(size).substr(12);
    connection.recv_until("?\n"); // the client's own: an end before it would be a reset
    return tlvs;
}

TEST_F(GatewayProxyTls, TheServerLearnsAllOfIt) {
    Server server;
    const auto gateway = this->gateway(server.address(), "\"tls\", \"alpn\", \"authority\"");
    const auto learnt = [&](std::vector<std::string> options) {
        std::string tlvs;
        std::thread other_side([&] { tlvs = received_tlvs(server); });
        const Said said = s_client(*gateway, std::move(options));
        other_side.join();
        EXPECT_EQ(said.status, 0) << said;
        return tlvs;
    };
    EXPECT_EQ(learnt({"-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256", "-servername", "db.example", "-alpn", "http/1.1"}),
              tlv(1, "http/1.1") + tlv(2, "db.example") +
                  tlv(0x20, std::string("\1\0\0\0\1", 5) + tlv(0x21, "TLSv1.3") + tlv(0x23, "TLS_AES_128_GCM_SHA256")));
    EXPECT_EQ(learnt({"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-noservername", "-cert",
                      certificates_ / "alice.pem", "-key", certificates_ / "alice.key"}),
              tlv(0x20, std::string("\5\0\0\0\0", 5) + tlv(0x21, "TLSv1.2") + tlv(0x22, "alice.example") +
                            tlv(0x23, "ECDHE-ECDSA-AES128-GCM-SHA256")));
}

TEST_F(GatewayProxyTls, HaProxyReadsIt) {
    const ConfiguredServer haproxy(
        {"/usr/sbin/haproxy", "-db", "-f", "CONFIG"},
        "defaults\nmode http\ntimeout client 10s\ntimeout server 10s\ntimeout connect 10s\nfrontend f\nbind 127.0.0.1:PORT "
        "accept-proxy\nhttp-request return status 200 content-type text/plain lf-string \"%[src] %[fc_pp_authority] "
        "%[fc_pp_unique_id,length]\"\n");
    const auto gateway =
        this->gateway("127.0.0.1:" + haproxy.port(), "\"unique_id\", \"crc32c\", \"tls\", \"alpn\", \"authority\"");
    const std::string port = std::to_string(gateway->port("tls"));
    const Result result =
        run({"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "--cacert", certificates_.ca(), "--interface",
             "127.0.0.9", "--resolve", "localhost:" + port + ":127.0.0.1", "https://localhost:" + port + "/"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with("127.0.0.9 localhost ")) << result.out;
    EXPECT_FALSE(result.out.ends_with(" 0")) << result.out;
}

} // namespace
