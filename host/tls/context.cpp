#include "tls/context_impl.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <new>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <unordered_map>
#include <utility>

namespace gatehouse::host {

namespace {

// Adds the certificates of a slot to `to`, a context or a session: `use` is OpenSSL's function for it.
template <class To, class Use>
bool add(To* to, Use use, const std::vector<const LoadedPair*>& slot) {
    return std::all_of(slot.begin(), slot.end(), [&](const LoadedPair* pair) {
        return use(to, pair->certificate.get(), pair->key.get(), pair->issuers.get(), 1) == 1;
    });
}

// With lists of revoked certificates OpenSSL wants one for each certificate of the chain. The host wants it of the authority
// that has signed the client's. Above that it may be absent, and what the operator trusts needs none to be checked by.
int allow_unlisted_authority(int good, X509_STORE_CTX* verification) {
    const int error = ::X509_STORE_CTX_get_error(verification);
    const int depth = ::X509_STORE_CTX_get_error_depth(verification);
    if (good == 1 || depth == 0) return good;
    const bool trusted = depth + 1 == sk_X509_num(::X509_STORE_CTX_get0_chain(verification));
    const bool unlisted =
        error == X509_V_ERR_UNABLE_TO_GET_CRL ||
        (trusted && (error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER || error == X509_V_ERR_CRL_SIGNATURE_FAILURE));
    if (!unlisted) return 0;
    ::X509_STORE_CTX_set_error(verification, X509_V_OK);
    return 1;
}

} // namespace

// OpenSSL calls this when it has read the ClientHello. The result lets it answer that the name is known (RFC 6066 3).
int TlsContext::Impl::know_name(SSL* ssl, int* /*alert*/, void* /*unused*/) noexcept {
    const bool asked = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != nullptr;
    return asked ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// Fetched once: OpenSSL 3 needs microseconds to find an algorithm by its name. Null: no memory, this time.
static const EVP_CIPHER* ticket_cipher() noexcept {
    static std::atomic<EVP_CIPHER*> cipher{nullptr};
    if (const EVP_CIPHER* const known = cipher.load(std::memory_order_acquire)) return known;
    EVP_CIPHER* const fetched = ::EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    EVP_CIPHER* first = nullptr;
    if (fetched == nullptr || cipher.compare_exchange_strong(first, fetched)) return fetched;
    ::EVP_CIPHER_free(fetched); // another thread was faster
    return first;
}

// OpenSSL calls this when it needs a certificate, so not when a session is resumed: gives it those for the name that the client
// asks for. 1: done.
int TlsContext::Impl::choose_certificate(SSL* ssl, void* /*unused*/) noexcept {
    const char* asked = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == nullptr) return 1;
    const Impl& self = of(ssl);
    const std::size_t index = self.names.find(ServerName(asked));
    if (index == 0) return 1;
    ::SSL_certs_clear(ssl);
    return add(ssl, ::SSL_use_cert_and_key, self.slots[index]) ? 1 : 0;
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
    const auto found = self.stapled.find(::SSL_get_certificate(ssl));
    if (found == self.stapled.end()) return SSL_TLSEXT_ERR_NOACK;
    // Clients accept no response, but not one that is out of date.
    const LoadedPair& pair = *found->second;
    if (pair.ocsp_until != 0 && pair.ocsp_until < std::time(nullptr)) return SSL_TLSEXT_ERR_NOACK;
    void* copy = OPENSSL_memdup(pair.ocsp.data(), pair.ocsp.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(pair.ocsp.size()));
    return SSL_TLSEXT_ERR_OK;
}

// The result is OpenSSL's: 1: done; 2: done, and the client gets a new ticket; 0: no such key; -1: failed.
int TlsContext::Impl::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                                 int making) noexcept {
    const EVP_CIPHER* const aes = ticket_cipher();
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

ContextPtr new_context(const SSL_METHOD* method) {
    ContextPtr made(::SSL_CTX_new(method));
    if (!made) throw std::bad_alloc();
    SSL_CTX* context = made.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A write may take one record alone, and a repeated write may come from another address. Idle sessions give their buffers
    // back. No handshake builds a chain: the file has it.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); // TlsSession counts records without data
    SSL_CTX_set_read_ahead(context, 1);
    ::SSL_CTX_set_verify_depth(context, most_chain_links);
    ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return made;
}

ContextPtr new_server_context(const TlsConfig& config) {
    ContextPtr made = new_context(::TLS_server_method());
    SSL_CTX* context = made.get();
    if (config.min_version == TlsVersion::v1_3) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (config.truncation == Truncation::accept) ::SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    const auto accept = [](const TlsList& list, long result) {
        if (result != 1)
            throw TlsError(list.where.text + ": " + in_quotes(list.text) + ": " + openssl_words("not known to OpenSSL"));
    };
    ::ERR_clear_error();
    accept(config.ciphers, ::SSL_CTX_set_cipher_list(context, config.ciphers.text.c_str()));
    accept(config.ciphersuites, ::SSL_CTX_set_ciphersuites(context, config.ciphersuites.text.c_str()));
    accept(config.groups, SSL_CTX_set1_groups_list(context, config.groups.text.c_str()));
    return made;
}

TlsContext::Impl::Impl(ContextPtr made) : context(std::move(made)) { SSL_CTX_set_app_data(context.get(), this); }

void TlsContext::Impl::add_alpn(const std::vector<std::string>& protocols) {
    for (const std::string& name : protocols) alpn += static_cast<char>(name.size()) + name;
}

void TlsContext::Impl::serve(const TlsConfig& config, const LoadedAuthorities& authorities) {
    SSL_CTX_set_tlsext_servername_callback(context.get(), know_name);
    ::SSL_CTX_set_cert_cb(context.get(), choose_certificate, nullptr);
    add_alpn(config.alpn);
    if (!alpn.empty()) ::SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
    SSL_CTX_set_tlsext_status_cb(context.get(), staple);

    if (config.client != TlsClient::none) {
        const int mode =
            config.client == TlsClient::required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
        const bool listed = !authorities.lists.empty();
        ::SSL_CTX_set_verify(context.get(), mode, listed ? allow_unlisted_authority : nullptr);
        // The operator trusts every certificate in the file, also one that is no root.
        const unsigned long checks = listed ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0;
        X509_VERIFY_PARAM_set_flags(::SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN | checks);
        X509_STORE* const store = ::SSL_CTX_get_cert_store(context.get());
        bool done = true;
        for (const Certificate& authority : authorities.certificates)
            done = done && ::X509_STORE_add_cert(store, authority.get()) == 1 &&
                   ::SSL_CTX_add_client_CA(context.get(), authority.get()) == 1;
        for (const RevocationList& list : authorities.lists) done = done && ::X509_STORE_add_crl(store, list.get()) == 1;
        if (!done) throw std::bad_alloc();
    }

    // A ticket says that its client was verified. It must not be accepted where clients are verified by other rules.
    std::string rules = config.name + '\0' + std::to_string(static_cast<int>(config.client));
    rules.append(reinterpret_cast<const char*>(authorities.digest.data()), authorities.digest.size());
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(rules.data()), rules.size(), digest.data());
    ::SSL_CTX_set_session_id_context(context.get(), digest.data(), digest.size());
    if (keys) {
        ::SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), ticket_key);
        ::SSL_CTX_set_timeout(context.get(), config.ticket_lifetime.count() / 1000);
        ::SSL_CTX_set_num_tickets(context.get(), 1); // a client may use it several times, and each costs computing
    } else {
        ::SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
        ::SSL_CTX_set_num_tickets(context.get(), 0);
    }
}

void TlsContext::Impl::add_pairs(const TlsConfig& config, std::vector<std::string>& warnings) {
    std::unordered_map<std::string, std::size_t> by_names; // the first slot for just these names
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const LoadedPair& pair = *pairs[i];
        if (!pair.ocsp.empty()) stapled.emplace(pair.certificate.get(), &pair);
        warnings.insert(warnings.end(), pair.warnings.begin(), pair.warnings.end());
        std::vector<std::string> sorted = pair.names;
        std::sort(sorted.begin(), sorted.end());
        const auto [same, first] = by_names.try_emplace(joined(sorted, " "), slots.size());
        if (!first) {
            Slot& slot = slots[same->second];
            const auto has_type = [&](const LoadedPair* other) { return other->key_type == pair.key_type; };
            if (std::none_of(slot.begin(), slot.end(), has_type)) {
                slot.push_back(&pair);
                continue;
            }
        }
        std::vector<std::string> taken;
        for (const std::string& name : pair.names)
            if (!names.add(name, slots.size())) taken.push_back(name);
        slots.push_back({&pair});
        if (!taken.empty())
            warnings.push_back(
                at_file(config.pairs[i].certificate, "an earlier certificate is used for " + printable(joined(taken, ", "))));
    }
    if (!add(context.get(), ::SSL_CTX_use_cert_and_key, slots.front())) throw std::bad_alloc(); // the loader has tried all else
}

TlsContext::TlsContext(const TlsConfig& config, std::vector<std::shared_ptr<const LoadedPair>> pairs,
                       const LoadedAuthorities& authorities, std::shared_ptr<TicketKeys> keys)
    : impl_(std::make_unique<Impl>(new_server_context(config))), warnings_(authorities.warnings) {
    impl_->keys = std::move(keys);
    impl_->pairs = std::move(pairs);
    impl_->serve(config, authorities);
    impl_->add_pairs(config, warnings_);
}

TlsContext::~TlsContext() = default;

const std::vector<std::shared_ptr<const LoadedPair>>& TlsContext::pairs() const noexcept { return impl_->pairs; }

std::string summary(std::span<const std::shared_ptr<const LoadedPair>> pairs) {
    constexpr std::size_t most = 20;
    std::vector<std::string> all;
    for (const auto& pair : pairs.first(std::min(pairs.size(), most)))
        all.push_back(printable(pair->names.empty() ? subject(*pair->certificate) : joined(pair->names, " ")) + " (" +
                      pair->key_type + ", until " + day(not_after(*pair->certificate)) + ")");
    if (pairs.size() > most) all.push_back("and " + std::to_string(pairs.size() - most) + " more");
    return joined(all, ", ");
}

} // namespace gatehouse::host
