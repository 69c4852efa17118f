// The OpenSSL part of TlsContext. Only context.cpp, client_context.cpp and session.cpp include this.
#pragma once

#include "tls/certificate.hpp"
#include "tls/context.hpp"
#include "tls/names.hpp"

#include <cstddef>
#include <ctime>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <vector>

namespace gatehouse::host {

constexpr int most_chain_links = 10;

// A warning for TlsContext::warnings() about the days on which the certificate is valid, or about who may read the file of a
// key. Empty: all is well.
std::string time_warning(const X509& certificate);
std::string access_warning(unsigned key_mode);

struct TlsContext::Impl {
    struct FreeContext {
        void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
    };
    using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

    // A certificate as it was loaded. Those of one slot are for the same names and have keys of different types.
    struct Loaded {
        Certificate certificate;
        std::vector<std::string> names;
        std::string ocsp; // DER
        std::time_t ocsp_until = 0;
    };

    struct Slot {
        ContextPtr context;
        std::vector<const Loaded*> certificates;
    };

    // Constant after construction.
    std::vector<std::unique_ptr<Loaded>> loaded;
    std::vector<Slot> slots; // the first is for all names that no other has; a client's context has only that
    TlsNames names;          // their indices
    std::string alpn;        // protocols as TLS sends them, each after a byte with its length
    std::shared_ptr<TicketKeys> keys;

    static Impl& of(const SSL* ssl) noexcept { return *static_cast<Impl*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl))); }

    ContextPtr make(const SSL_METHOD* method);
    ContextPtr make_client(const TlsClientConfig& config, const Reject& reject, std::vector<std::string>& warnings);
    ContextPtr make_server(const TlsConfig& config, const std::vector<Certificate>& authorities, const TlsFiles& files);
    void add_pair(const TlsConfig& config, std::size_t index, const TlsFiles::Pair& files, std::vector<std::string>& warnings,
                  const std::vector<Certificate>& authorities, const TlsFiles& all);

    static int choose_name(SSL* ssl, int* alert, void*) noexcept;
    static int choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                           unsigned offered_size, void*) noexcept;
    static int staple(SSL* ssl, void*) noexcept;
    static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int making) noexcept;
};

} // namespace gatehouse::host
