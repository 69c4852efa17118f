// X.509: reads certificates and keys from PEM text, tells what is in them, and makes certificates for trials. No function here
// touches a file. [any]
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// OpenSSL's BIO, X509, STACK_OF(X509), X509_CRL, EVP_PKEY and OSSL_DECODER_CTX.
struct bio_st;
struct x509_st;
struct stack_st_X509;
struct X509_crl_st;
struct evp_pkey_st;
struct ossl_decoder_ctx_st;

namespace gatehouse::host {

// Says what is wrong, by OpenSSL's reason where there is one.
class CertificateError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct FreeX509 {
    void operator()(x509_st* certificate) const noexcept;
};
struct FreeX509Stack {
    void operator()(stack_st_X509* certificates) const noexcept;
};
struct FreeCrl {
    void operator()(X509_crl_st* list) const noexcept;
};
struct FreeKey {
    void operator()(evp_pkey_st* key) const noexcept;
};
using Certificate = std::unique_ptr<x509_st, FreeX509>;
using CertificateStack = std::unique_ptr<stack_st_X509, FreeX509Stack>;
using RevocationList = std::unique_ptr<X509_crl_st, FreeCrl>; // CRL, RFC 5280 5
using PrivateKey = std::unique_ptr<evp_pkey_st, FreeKey>;

// Reads the certificates of a PEM text one after the other, and passes over what else it has.
class CertificateReader {
  public:
    explicit CertificateReader(std::string_view pem);

    // Throw CertificateError. The first one has to be there.
    Certificate first();
    Certificate next(); // null: there are no more

    std::string_view rest() const noexcept; // the text after the last certificate

  private:
    struct FreeBio {
        void operator()(bio_st* bio) const noexcept;
    };

    const std::string_view pem_;
    const std::unique_ptr<bio_st, FreeBio> bio_;
    std::size_t read_ = 0; // certificates
};

// All certificates of a PEM text, at least one. Throws CertificateError.
std::vector<Certificate> parse_certificates(std::string_view pem);

// All revocation lists of a PEM text, at least one. Throws CertificateError.
std::vector<RevocationList> parse_revocation_lists(std::string_view pem);

// The lines that begin a part of a PEM text which a reader of `label` ("CERTIFICATE") passes over, each with its number. With
// `similar_only`, a part with a label of its own ("PRIVATE KEY") has its reader, and only those that look like `label` count.
std::vector<std::string> passed_over(std::string_view pem, std::string_view label, bool similar_only);

// Reads private keys. OpenSSL needs eight times as long for a key by itself as for one of many that are read by one object.
class KeyReader {
  public:
    KeyReader();
    ~KeyReader();
    KeyReader(const KeyReader&) = delete;
    KeyReader& operator=(const KeyReader&) = delete;

    // The first private key of a PEM text, which may have other parts. Throws CertificateError, also for a key with a
    // passphrase.
    PrivateKey read(std::string_view pem);

  private:
    PrivateKey read_plain(std::string_view pem) noexcept;

    evp_pkey_st* found_ = nullptr;           // where decoder_ puts a key
    ossl_decoder_ctx_st* decoder_ = nullptr; // null: OpenSSL has none, so keys are read one by one
};

inline PrivateKey parse_key(std::string_view pem) { return KeyReader().read(pem); }

// Throws CertificateError unless the key belongs to the first certificate.
void check_match(const std::vector<Certificate>& chain, const evp_pkey_st& key);

// Throws CertificateError if a client cannot get from the first certificate to the others: the one of an issuer in between is
// missing. An authority's own, which clients have, may be left out.
void check_chain(std::vector<const x509_st*> chain);

// The time until which clients accept an OCSP response (DER, RFC 6960), in seconds since 1970; 0: the response does not say.
// Throws CertificateError if it is no response, is about another certificate, or does not say that the certificate is good.
std::time_t check_ocsp(std::string_view der, const x509_st& certificate);

// The DNS names of the certificate, in the normal form; its common name if it has no alternative names (RFC 6125 6.4.4).
std::vector<std::string> dns_names(const x509_st& certificate);

std::time_t not_before(const x509_st& certificate); // seconds since 1970
std::time_t not_after(const x509_st& certificate);
std::time_t next_update(const X509_crl_st& list); // the day on which a revocation list is out of date; 0: it does not say
std::string key_type(const x509_st& certificate); // "RSA", "EC", "ED25519"

// As in RFC 2253: "CN=alice,O=Example". Control characters and characters outside of ASCII are escaped.
std::string subject(const x509_st& certificate);
std::string issuer(const x509_st& certificate);
std::string issuer(const X509_crl_st& list);

// "DNS:a.example, IP:192.0.2.1, email:a@example, URI:spiffe://a"; empty: the certificate has none. Control characters, commas
// and backslashes within a name are written as \xx, so that one name cannot look like two.
std::string alternative_names(const x509_st& certificate);

// Empties OpenSSL's error queue of this thread. The result is its innermost reason, or `fallback` if the queue was empty.
std::string openssl_words(std::string_view fallback = "unknown error");

// A certificate and its key as PEM text.
struct MadeCertificate {
    std::string certificate;
    std::string key;
};

// A certificate authority, valid for 10 years, and a certificate signed by it for these DNS names and IP addresses, valid for
// 397 days. Both have P-256 keys and SHA-256 signatures, which browsers accept. Throws CertificateError.
MadeCertificate make_authority(const std::string& common_name);
MadeCertificate make_certificate(const MadeCertificate& authority, const std::vector<std::string>& names);

} // namespace gatehouse::host
