#include "tls/loader.hpp"

#include "base/printable.hpp"
#include "tls/context_impl.hpp"

#include <algorithm>
#include <new>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

namespace gatehouse::host {
namespace {

constexpr std::time_t expiry_warning = 14 * 86'400; // seconds before

Digest digest_of(std::string_view text) {
    // Fetched once: OpenSSL 3 needs microseconds to find an algorithm by its name.
    static EVP_MD* const sha256 = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
    Digest digest{};
    if (::EVP_Digest(text.data(), text.size(), digest.data(), nullptr, sha256, nullptr) != 1) throw std::bad_alloc();
    return digest;
}

Digest digest_of(const PartTexts& texts) {
    std::array<Digest, std::tuple_size_v<PartTexts>> each;
    for (std::size_t i = 0; i < texts.size(); ++i) each[i] = digest_of(texts[i].text);
    return digest_of({reinterpret_cast<const char*>(each.data()), sizeof each});
}

// What `work` says is wrong is wrong with this file.
template <class Work>
auto blamed(const TlsFile& file, Work work) {
    try {
        return work();
    } catch (const CertificateError& error) {
        throw TlsError(at_file(file, error.what()));
    }
}

} // namespace

void FreeContext::operator()(ssl_ctx_st* context) const noexcept { ::SSL_CTX_free(context); }

std::string day(std::time_t time) {
    char text[32];
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

std::string joined(const std::vector<std::string>& lines, std::string_view separator) {
    std::string text;
    for (const std::string& line : lines) (text += text.empty() ? "" : separator) += line;
    return text;
}

std::string time_warning(const x509_st& certificate) {
    const std::time_t now = std::time(nullptr);
    const std::time_t until = not_after(certificate);
    if (not_before(certificate) > now) return "is not valid before " + day(not_before(certificate));
    if (until < now) return "expired on " + day(until);
    return until - now < expiry_warning ? "expires on " + day(until) : "";
}

std::string access_warning(unsigned key_mode) {
    return (key_mode & 0007U) != 0 ? "every user of this machine may use the key (chmod o= it, or better chmod 600)" : "";
}

std::vector<std::string> authority_warnings(std::string_view pem, const std::vector<Certificate>& authorities) {
    std::vector<std::string> lines = passed_over(pem, "CERTIFICATE", false);
    for (std::size_t i = 0; i < authorities.size(); ++i)
        if (const std::string warning = time_warning(*authorities[i]); !warning.empty())
            lines.push_back("certificate " + std::to_string(i + 1) + " (" + printable(subject(*authorities[i])) + ") " +
                            warning);
    return lines;
}

std::shared_ptr<stack_st_X509> TlsLoader::issuers(CertificateReader& reader) {
    // Without what follows the last of them: that may be a key, and so another one in each file.
    const std::string_view rest = reader.rest();
    const std::size_t last = rest.rfind("CERTIFICATE-----");
    if (last == std::string_view::npos) return nullptr;
    const std::string_view text = rest.substr(0, last);
    std::weak_ptr<stack_st_X509>& known = issuers_[digest_of(text)];
    if (std::shared_ptr<stack_st_X509> same = known.lock()) return same;
    CertificateStack fresh(sk_X509_new_null());
    while (Certificate certificate = reader.next())
        if (!fresh || sk_X509_push(fresh.get(), certificate.release()) == 0) throw std::bad_alloc();
    std::shared_ptr<stack_st_X509> made = std::move(fresh);
    known = made;
    return made;
}

std::shared_ptr<const LoadedPair> TlsLoader::pair(std::size_t index, const PartTexts& texts,
                                                  std::shared_ptr<const LoadedPair> old) {
    const Digest digest = digest_of(texts);
    if (old && old->digest == digest) return old;
    const auto& [certificate_text, key_text, ocsp_text] = texts;
    const TlsPairConfig& config = config_.pairs[index];
    if (!keys_) keys_.emplace();
    auto fresh = std::make_shared<LoadedPair>();
    fresh->digest = digest;
    blamed(config.certificate, [&] {
        CertificateReader reader(certificate_text.text);
        fresh->certificate = reader.first();
        fresh->issuers = issuers(reader);
    });
    const X509& leaf = *fresh->certificate;
    fresh->key = blamed(config.key_file(), [&] { return keys_->read(key_text.text); });
    // OpenSSL has rules of its own for keys and signatures, which the section's list of ciphers may change.
    if (!trial_) trial_ = new_server_context(config_);
    ::ERR_clear_error();
    if (::SSL_CTX_use_cert_and_key(trial_.get(), fresh->certificate.get(), fresh->key.get(), fresh->issuers.get(), 1) != 1) {
        const std::string words = openssl_words();
        const std::string_view chain = certificate_text.text;
        blamed(config.key_file(), [&] { check_match(parse_certificates(chain), *fresh->key); });
        throw TlsError(at_file(config.certificate, words));
    }
    blamed(config.certificate, [&] {
        std::vector<const x509_st*> chain{&leaf};
        for (int i = 0; i < sk_X509_num(fresh->issuers.get()); ++i) chain.push_back(sk_X509_value(fresh->issuers.get(), i));
        check_chain(std::move(chain));
    });

    fresh->key_type = key_type(leaf);
    fresh->names = dns_names(leaf);
    const auto warn = [&](const TlsFile& file, const std::string& what) {
        if (!what.empty()) fresh->warnings.push_back(at_file(file, what));
    };
    if (!config.ocsp.path.empty()) {
        fresh->ocsp_until = blamed(config.ocsp, [&] { return check_ocsp(ocsp_text.text, leaf); });
        fresh->ocsp = ocsp_text.text;
        if (fresh->ocsp_until != 0 && fresh->ocsp_until < std::time(nullptr))
            warn(config.ocsp, "out of date since " + day(fresh->ocsp_until) + "; clients do not get it");
    }
    for (const std::string& line : passed_over(certificate_text.text, "CERTIFICATE", true)) warn(config.certificate, line);
    warn(config.certificate, time_warning(leaf));
    warn(config.key_file(), access_warning(key_text.mode));
    return fresh;
}

std::shared_ptr<const LoadedAuthorities> TlsLoader::authorities(const PartTexts& texts,
                                                                std::shared_ptr<const LoadedAuthorities> old) const {
    const Digest digest = digest_of(texts);
    if (old && old->digest == digest) return old;
    auto fresh = std::make_shared<LoadedAuthorities>();
    fresh->digest = digest;
    if (config_.client_ca.path.empty()) return fresh;
    const auto warn = [&](const TlsFile& file, const std::string& what) { fresh->warnings.push_back(at_file(file, what)); };
    fresh->certificates = blamed(config_.client_ca, [&] { return parse_certificates(texts[0].text); });
    for (const std::string& line : authority_warnings(texts[0].text, fresh->certificates)) warn(config_.client_ca, line);
    if (!config_.client_crl.path.empty()) {
        fresh->lists = blamed(config_.client_crl, [&] { return parse_revocation_lists(texts[1].text); });
        for (const std::string& line : passed_over(texts[1].text, "X509 CRL", false)) warn(config_.client_crl, line);
        for (const RevocationList& list : fresh->lists)
            if (const std::time_t until = next_update(*list); until != 0 && until < std::time(nullptr))
                warn(config_.client_crl, "the list of " + printable(issuer(*list)) + " is out of date since " + day(until) +
                                             "; its clients are refused");
    }
    return fresh;
}

void TlsLoader::rest() noexcept {
    keys_.reset();
    std::erase_if(issuers_, [](const auto& entry) { return entry.second.expired(); });
}

} // namespace gatehouse::host
