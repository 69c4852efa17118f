// Which servers a client with usual settings gets a handshake with.
#include "tls/trial.hpp"

#include "text_files.hpp"
#include "tls_test.hpp"

namespace gatehouse::host {
namespace {

class TrialTest : public TlsTest {
  protected:
    std::string handshake(const TlsConfig& config, const std::string& name = "a.example") const {
        return try_handshake(TlsServer(config, nullptr, log_).context(), name);
    }
    TlsConfig with(const std::filesystem::path& base) const {
        TlsConfig config;
        config.pairs.push_back({{base.string() + ".pem", ""}, {base.string() + ".key", ""}, {}});
        return config;
    }
};

TEST_F(TrialTest, OrdinaryServersPass) {
    TlsConfig config = with(folder_ / "web");
    EXPECT_EQ(handshake(config), "");
    EXPECT_EQ(handshake(config, ""), "");
    config.min_version = TlsVersion::v1_3;
    EXPECT_EQ(handshake(config), "");
    config.client = TlsClient::required;
    config.client_ca = {folder_ / "ca.pem", ""};
    EXPECT_EQ(handshake(config), "");
}

TEST_F(TrialTest, ACurveThatNobodyOffersDoesNot) {
    EXPECT_EQ(handshake(with(source / "tests/unit/tls/files/rare_curve")), "no suitable signature algorithm");
    TlsConfig config = with(folder_ / "web");
    config.groups = {"brainpoolP256r1", ""};
    EXPECT_NE(handshake(config), "");
}

} // namespace
} // namespace gatehouse::host
