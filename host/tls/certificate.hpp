// X.509: certificates and keys from PEM text, what they say, and making some for trying things out. OpenSSL stays behind this
// and tls.hpp. Everything here works on text that has been read already, and touches no file. [any]
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// OpenSSL's X509 and EVP_PKEY.
struct x509_st;
struct evp_pkey_st;

namespace gatehouse::host {

// What is wrong, in OpenSSL's own words where it has some.
class CertificateError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct FreeX509 {
    void operator()(x509_st* certificate) const noexcept;
};
struct FreeKey {
    void operator()(evp_pkey_st* key) const noexcept;
};
using Certificate = std::unique_ptr<x509_st, FreeX509>;
using PrivateKey = std::unique_ptr<evp_pkey_st, FreeKey>;

// All certificates of a PEM text, at least one. Throws CertificateError.
std::vector<Certificate> parse_certificates(std::string_view pem);

// The private key of a PEM text; it may stand among other things. One with a passphrase is refused. Throws CertificateError.
PrivateKey parse_key(std::string_view pem);

// Throws CertificateError unless the key is the certificate's.
void check_match(const x509_st& certificate, const evp_pkey_st& key);

// Until when an OCSP response (DER, RFC 6960) may be shown, in seconds since 1970; 0: it does not say. Throws CertificateError
// if it is none, is not about the certificate, or does not say that the certificate is good.
std::time_t check_ocsp(std::string_view der, const x509_st& certificate);

// The DNS names that it is for, in lower case; the common name if it has no alternative names (RFC 6125 6.4.4).
std::vector<std::string> dns_names(const x509_st& certificate);

std::time_t not_before(const x509_st& certificate); // seconds since 1970
std::time_t not_after(const x509_st& certificate);
std::string key_type(const x509_st& certificate); // "RSA", "EC", "ED25519"

// RFC 2253: "CN=alice,O=Example". Control characters and other than ASCII are escaped.
std::string subject(const x509_st& certificate);

// "DNS:a.example, IP:192.0.2.1, email:a@example, URI:spiffe://a"; empty if there are none. Control characters, commas and
// backslashes inside a name are written as \xx, so that no name can look like two.
std::string alternative_names(const x509_st& certificate);

// What OpenSSL's queue of this thread holds, in one line, which empties it; `fallback` if it is empty.
std::string openssl_words(std::string_view fallback = "unknown error");

// A certificate and its key as PEM text.
struct MadeCertificate {
    std::string certificate;
    std::string key;
};

// An authority of one's own, and a server's certificate of it for these names or addresses, as browsers and libraries want them
// today: P-256, SHA-256, 10 years and 397 days. Throws CertificateError.
MadeCertificate make_authority(const std::string& common_name);
MadeCertificate make_certificate(const MadeCertificate& authority, const std::vector<std::string>& names);

} // namespace gatehouse::host
