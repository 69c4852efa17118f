#include "tls/context_impl.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <utility>

namespace gatehouse::host {

namespace {

constexpr std::time_t expiry_warning = 14 * 86'400; // seconds before

std::string at(const TlsFile& file, const std::string& what) {
    return file.where.text + ": " + printable(file.path.native()) + ": " + what;
}

std::string day(std::time_t time) {
    char text[32];
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

std::string joined(const std::vector<std::string>& lines, const char* separator) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : separator) + line;
    return text;
}

} // namespace

std::string time_warning(const X509& certificate) {
    const std::time_t now = std::time(nullptr);
    const std::time_t until = not_after(certificate);
    if (not_before(certificate) > now) return "is not valid before " + day(not_before(certificate));
    if (until < now) return "expired on " + day(until);
    return until - now < expiry_warning ? "expires on " + day(until) : "";
}

std::string access_warning(unsigned key_mode) {
    return (key_mode & 0007U) != 0 ? "every user of this machine may use the key (chmod o= it, or better chmod 600)" : "";
}

// OpenSSL calls this first in a handshake: chooses the certificates for the name that the client asks for.
int TlsContext::Impl::choose_name(SSL* ssl, int* /*alert*/, void* /*unused*/) noexcept {
    const char* asked = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const Impl& self = of(ssl);
    if (const std::size_t index = self.names.find(ServerName(asked)); index != 0)
        ::SSL_set_SSL_CTX(ssl, self.slots[index].context.get());
    return SSL_TLSEXT_ERR_OK;
}

// RFC 7301 3.2: takes the first of our protocols that the client offers, and refuses a client that offers none of them.
int TlsContext::Impl::choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                                  unsigned offered_size, void* /*unused*/) noexcept {
    const Impl& self = of(ssl);
    unsigned char* chosen = nullptr;
    const int found = ::SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(self.alpn.data()),
                                              static_cast<unsigned>(self.alpn.size()), offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int TlsContext::Impl::staple(SSL* ssl, void* /*unused*/) noexcept {
    const Impl& self = of(ssl);
    const X509* certificate = ::SSL_get_certificate(ssl);
    for (const auto& loaded : self.loaded) {
        if (loaded->certificate.get() != certificate || loaded->ocsp.empty()) continue;
        // Clients accept no response, but not one that is out of date.
        if (loaded->ocsp_until != 0 && loaded->ocsp_until < std::time(nullptr)) break;
        void* copy = OPENSSL_memdup(loaded->ocsp.data(), loaded->ocsp.size());
        if (copy == nullptr) break;
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(loaded->ocsp.size()));
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

// The result is OpenSSL's: 1: done; 2: done, and the client gets a new ticket; 0: no such key; -1: failed.
int TlsContext::Impl::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                                 int making) noexcept {
    // Fetched once: OpenSSL 3 needs microseconds to find an algorithm by its name.
    static EVP_CIPHER* const aes = ::EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    static char digest[] = "SHA256";
    TicketKeys& keys = *of(ssl).keys;
    const Nanoseconds now = coarse_now();
    bool renew = false;
    std::optional<TicketKey> key =
        making != 0 ? keys.current(now) : keys.find(std::span<const unsigned char, 16>(name, 16), now, renew);
    if (!key) return making != 0 ? -1 : 0;
    bool good = aes != nullptr;
    if (making != 0) {
        std::copy(key->name.begin(), key->name.end(), name);
        good = good && ::RAND_bytes(iv, ::EVP_CIPHER_get_iv_length(aes)) == 1 &&
               ::EVP_EncryptInit_ex2(cipher, aes, key->cipher.data(), iv, nullptr) == 1;
    } else {
        good = good && ::EVP_DecryptInit_ex2(cipher, aes, key->cipher.data(), iv, nullptr) == 1;
    }
    const std::array<OSSL_PARAM, 3> parameters{
        ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac.data(), key->mac.size()),
        ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), ::OSSL_PARAM_construct_end()};
    good = good && ::EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
    ::explicit_bzero(&*key, sizeof *key);
    if (!good) return -1;
    return renew ? 2 : 1;
}

// The part that contexts of servers and of clients have in common.
TlsContext::Impl::ContextPtr TlsContext::Impl::make(const SSL_METHOD* method) {
    ContextPtr context(::SSL_CTX_new(method));
    if (!context) throw std::bad_alloc();
    SSL_CTX_set_app_data(context.get(), this);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A write may take one record alone, and a repeated write may come from another address. Idle sessions give their buffers
    // back. No handshake builds a chain: the file has it.
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY); // TlsSession counts records without data
    SSL_CTX_set_read_ahead(context.get(), 1);
    ::SSL_CTX_set_verify_depth(context.get(), most_chain_links);
    ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return context;
}

TlsContext::Impl::ContextPtr TlsContext::Impl::make_server(const TlsConfig& config, const std::vector<Certificate>& authorities,
                                                           const TlsFiles& files) {
    ContextPtr made = make(::TLS_server_method());
    SSL_CTX* context = made.get();
    if (config.min_version == TlsVersion::v1_3) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (config.truncation == Truncation::accept) ::SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    const auto accept = [](const TlsList& list, long result) {
        if (result != 1)
            throw TlsError(list.where.text + ": " + in_quotes(list.text) + ": " + openssl_words("not known to OpenSSL"));
    };
    accept(config.ciphers, ::SSL_CTX_set_cipher_list(context, config.ciphers.text.c_str()));
    accept(config.ciphersuites, ::SSL_CTX_set_ciphersuites(context, config.ciphersuites.text.c_str()));
    accept(config.groups, SSL_CTX_set1_groups_list(context, config.groups.text.c_str()));

    SSL_CTX_set_tlsext_servername_callback(context, choose_name);
    if (!alpn.empty()) ::SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
    SSL_CTX_set_tlsext_status_cb(context, staple);

    if (config.client != TlsClient::none) {
        const int mode =
            config.client == TlsClient::required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
        ::SSL_CTX_set_verify(context, mode, nullptr);
        for (const Certificate& authority : authorities) {
            ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), authority.get());
            ::SSL_CTX_add_client_CA(context, authority.get());
        }
    }

    // A ticket says that its client was verified. It must not be accepted where clients are verified by other rules.
    const std::string rules = config.name + '\0' + std::to_string(static_cast<int>(config.client)) + files.client_ca.text;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(rules.data()), rules.size(), digest.data());
    ::SSL_CTX_set_session_id_context(context, digest.data(), digest.size());
    if (keys) {
        ::SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
        ::SSL_CTX_set_timeout(context, config.ticket_lifetime.count() / 1000);
        ::SSL_CTX_set_num_tickets(context, 1); // a client may use it several times, and each costs computing
    } else {
        ::SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        ::SSL_CTX_set_num_tickets(context, 0);
    }
    return made;
}

void TlsContext::Impl::add_pair(const TlsConfig& config, std::size_t index, const TlsFiles::Pair& files,
                                std::vector<std::string>& warnings, const std::vector<Certificate>& authorities,
                                const TlsFiles& all) {
    const TlsPairConfig& pair = config.pairs[index];
    const auto blamed = [](const TlsFile& file, auto&& work) {
        try {
            return work();
        } catch (const CertificateError& error) {
            throw TlsError(at(file, error.what()));
        }
    };
    std::vector<Certificate> chain = blamed(pair.certificate, [&] { return parse_certificates(files.certificate.text); });
    const PrivateKey key = blamed(pair.key, [&] { return parse_key(files.key.text); });
    X509& leaf = *chain.front();
    blamed(pair.key, [&] { check_match(chain, *key); });
    blamed(pair.certificate, [&] { check_chain(chain); });

    auto fresh = std::make_unique<Loaded>();
    fresh->names = dns_names(leaf);
    if (!pair.ocsp.path.empty()) {
        fresh->ocsp_until = blamed(pair.ocsp, [&] { return check_ocsp(files.ocsp.text, leaf); });
        fresh->ocsp = files.ocsp.text;
        if (fresh->ocsp_until != 0 && fresh->ocsp_until < std::time(nullptr))
            warnings.push_back(at(pair.ocsp, "out of date since " + day(fresh->ocsp_until) + "; clients do not get it"));
    }
    if (const std::string warning = time_warning(leaf); !warning.empty()) warnings.push_back(at(pair.certificate, warning));
    if (const std::string warning = access_warning(files.key.mode); !warning.empty()) warnings.push_back(at(pair.key, warning));

    // Certificates for the same names share a slot if their keys have different types: OpenSSL chooses what the client can use.
    std::vector<std::string> sorted = fresh->names;
    std::sort(sorted.begin(), sorted.end());
    Slot* slot = nullptr;
    for (Slot& other : slots) {
        std::vector<std::string> names_there = other.certificates.front()->names;
        std::sort(names_there.begin(), names_there.end());
        const bool other_types = std::none_of(other.certificates.begin(), other.certificates.end(),
                                              [&](const Loaded* one) { return key_type(*one->certificate) == key_type(leaf); });
        if (names_there == sorted && other_types) slot = &other;
    }
    if (slot == nullptr) {
        slots.push_back({make_server(config, authorities, all), {}});
        slot = &slots.back();
        std::vector<std::string> taken;
        for (const std::string& name : fresh->names)
            if (!names.add(name, slots.size() - 1)) taken.push_back(name);
        if (!taken.empty())
            warnings.push_back(at(pair.certificate, "an earlier certificate is used for " + printable(joined(taken, ", "))));
    }
    const std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })> rest(
        sk_X509_new_null());
    for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest.get(), chain[i].get());
    ::ERR_clear_error();
    if (::SSL_CTX_use_cert_and_key(slot->context.get(), &leaf, key.get(), rest.get(), 0) != 1)
        throw TlsError(at(pair.certificate, openssl_words()));
    fresh->certificate = std::move(chain.front());
    slot->certificates.push_back(fresh.get());
    loaded.push_back(std::move(fresh));
}

TlsContext::TlsContext(const TlsConfig& config, const TlsFiles& files, std::shared_ptr<TicketKeys> keys)
    : impl_(std::make_unique<Impl>()) {
    std::vector<std::string> problems;
    const auto collect = [&](auto&& work) {
        try {
            work();
        } catch (const TlsError& error) {
            if (std::find(problems.begin(), problems.end(), error.what()) == problems.end())
                problems.emplace_back(error.what());
        }
    };
    impl_->keys = std::move(keys);
    for (const std::string& name : config.alpn) impl_->alpn += static_cast<char>(name.size()) + name;
    std::vector<Certificate> authorities;
    if (!config.client_ca.path.empty())
        collect([&] {
            try {
                authorities = parse_certificates(files.client_ca.text);
            } catch (const CertificateError& error) {
                throw TlsError(at(config.client_ca, error.what()));
            }
        });
    for (std::size_t i = 0; i < config.pairs.size(); ++i)
        collect([&] { impl_->add_pair(config, i, files.pairs[i], warnings_, authorities, files); });
    if (!problems.empty()) throw TlsError(joined(problems, "\n"));
}

TlsContext::~TlsContext() = default;

std::string TlsContext::summary() const {
    std::vector<std::string> all;
    for (const auto& loaded : impl_->loaded)
        all.push_back(printable(loaded->names.empty() ? subject(*loaded->certificate) : joined(loaded->names, " ")) + " (" +
                      key_type(*loaded->certificate) + ", until " + day(not_after(*loaded->certificate)) + ")");
    return joined(all, ", ");
}

} // namespace gatehouse::host
