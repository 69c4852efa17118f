// The OpenSSL part of TlsContext. Only context.cpp, client_context.cpp and session.cpp include this.
#pragma once

#include "tls/context.hpp"
#include "tls/names.hpp"

#include <cstddef>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse::host {

constexpr int most_chain_links = 10;

// With the rules that all contexts have.
ContextPtr new_context(const SSL_METHOD* method);

// With the lists of a section. Throws TlsError if OpenSSL does not know what is in one.
ContextPtr new_server_context(const TlsConfig& config);

struct TlsContext::Impl {
    // Certificates for the same names, with keys of different types: OpenSSL chooses what the client can use.
    using Slot = std::vector<const LoadedPair*>;

    explicit Impl(ContextPtr made);

    // Constant after construction.
    const ContextPtr context; // has the certificates of the first slot
    std::vector<std::shared_ptr<const LoadedPair>> pairs;
    std::vector<Slot> slots; // the first is for all names that no other has; a client's context has none
    TlsNames names;          // their indices
    std::unordered_map<const X509*, const LoadedPair*> stapled; // those with an OCSP response
    std::string alpn; // protocols as TLS sends them, each after a byte with its length
    std::shared_ptr<TicketKeys> keys;

    static Impl& of(const SSL* ssl) noexcept { return *static_cast<Impl*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl))); }

    void serve(const TlsConfig& config, const LoadedAuthorities& authorities);
    void add_pairs(const TlsConfig& config, std::vector<std::string>& warnings);
    void add_alpn(const std::vector<std::string>& protocols);

    static int know_name(SSL* ssl, int* alert, void*) noexcept;
    static int choose_certificate(SSL* ssl, void*) noexcept;
    static int choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                           unsigned offered_size, void*) noexcept;
    static int staple(SSL* ssl, void*) noexcept;
    static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int making) noexcept;
};

} // namespace gatehouse::host
