// Certificates, keys and chains that do not fit, and what is said of them.
#include "tls/certificate.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

std::string problem(const std::string& certificates, const std::string& key = "") {
    try {
        const std::vector<Certificate> chain = parse_certificates(certificates);
        if (!key.empty()) check_match(chain, *parse_key(key));
        std::vector<const x509_st*> all;
        for (const Certificate& certificate : chain) all.push_back(certificate.get());
        check_chain(std::move(all));
        return "";
    } catch (const CertificateError& error) {
        return error.what();
    }
}

class CertificateTest : public testing::Test {
  protected:
    const MadeCertificate root_ = make_authority("root");
    const MadeCertificate other_ = make_authority("other");
    const MadeCertificate own_ = make_certificate(root_, {"a.example"});
    const MadeCertificate strange_ = make_certificate(other_, {"b.example"});
};

TEST_F(CertificateTest, TheServersOwnComesFirst) {
    EXPECT_EQ(problem(own_.certificate, own_.key), "");
    EXPECT_EQ(problem(own_.certificate + root_.certificate, own_.key), "");
    EXPECT_EQ(
        problem(root_.certificate + own_.certificate, own_.key),
        "the key is that of certificate 2 of the certificate's file, CN=a.example, and not of the first, CN=root (expected "
        "the server's own certificate first, and those of its issuers behind it)");
    EXPECT_EQ(problem(strange_.certificate, own_.key), "the key is not the certificate's: key values mismatch");
}

TEST_F(CertificateTest, AnIssuerMayNotBeMissingInBetween) {
    // Roots may be left out, be there, or be there twice; and what another authority has is of no use.
    EXPECT_EQ(problem(own_.certificate), "");
    EXPECT_EQ(problem(own_.certificate + root_.certificate + root_.certificate), "");
    EXPECT_EQ(problem(own_.certificate + own_.certificate), "");
    EXPECT_EQ(problem(own_.certificate + root_.certificate + other_.certificate), "");
    EXPECT_EQ(
        problem(own_.certificate + other_.certificate),
        "the chain has a gap: no certificate in the file is that of CN=root, who has issued that of CN=a.example, but there "
        "are others (expected its issuer's certificate, or none behind it)");
}

} // namespace
} // namespace gatehouse::host
