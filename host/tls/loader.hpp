// Makes the parts of a [tls.NAME] section from the texts of its files. A part never changes: when its files do, it is replaced
// by another one, and the contexts of old and new sessions share all that have stayed.
#pragma once

#include "config/config.hpp"
#include "tls/certificate.hpp"
#include "tls/files.hpp"

#include <array>
#include <cstddef>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// OpenSSL's SSL_CTX.
struct ssl_ctx_st;

namespace gatehouse::host {

struct FreeContext {
    void operator()(ssl_ctx_st* context) const noexcept;
};
using ContextPtr = std::unique_ptr<ssl_ctx_st, FreeContext>;

// SHA-256. Those of a part are another one if its files say something else.
using Digest = std::array<unsigned char, 32>;

// A certificate with its key.
struct LoadedPair {
    Digest digest{};
    Certificate certificate;
    std::shared_ptr<stack_st_X509> issuers; // those that lead to its root; null: none
    PrivateKey key;
    std::string key_type;
    std::vector<std::string> names;
    std::string ocsp; // DER
    std::time_t ocsp_until = 0;
    std::vector<std::string> warnings; // see TlsContext
};

// Whom clients' certificates have to be from.
struct LoadedAuthorities {
    Digest digest{};
    std::vector<Certificate> certificates;
    std::vector<RevocationList> lists;
    std::vector<std::string> warnings;
};

// For warnings: the days on which a certificate is valid, and who may read the file of a key. Empty: all is well.
std::string time_warning(const x509_st& certificate);
std::string access_warning(unsigned key_mode);

// What is passed over in a text of authorities, and time_warning() of each.
std::vector<std::string> authority_warnings(std::string_view pem, const std::vector<Certificate>& authorities);

std::string day(std::time_t time);
std::string joined(const std::vector<std::string>& lines, std::string_view separator = "\n");

// That of one section. One thread at a time calls it: [main], and [background] once the host runs.
class TlsLoader {
  public:
    explicit TlsLoader(const TlsConfig& config) : config_(config) {}

    // Throw TlsError. `old` is the result if the texts say the same; it may be null.
    std::shared_ptr<const LoadedPair> pair(std::size_t index, const PartTexts& texts, std::shared_ptr<const LoadedPair> old);
    std::shared_ptr<const LoadedAuthorities> authorities(const PartTexts& texts,
                                                         std::shared_ptr<const LoadedAuthorities> old) const;

    // Gives back what is only worth its memory while many parts are loaded.
    void rest() noexcept;

  private:
    std::shared_ptr<stack_st_X509> issuers(CertificateReader& reader);

    const TlsConfig& config_;
    ContextPtr trial_; // has the section's rules; each pair has to fit
    std::optional<KeyReader> keys_;
    // By the SHA-256 of their text: most certificates of a host have been signed by the same few.
    std::map<Digest, std::weak_ptr<stack_st_X509>> issuers_;
};

} // namespace gatehouse::host
