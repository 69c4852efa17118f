// The contexts of connections to servers.
#include "base/printable.hpp"
#include "tls/context_impl.hpp"

#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <utility>

namespace gatehouse::host {
namespace {

// Makes the context show this certificate, with its chain, to servers that ask for one.
void show(SSL_CTX* context, const std::vector<Certificate>& chain, const PrivateKey& key) {
    const std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })> rest(
        sk_X509_new_null());
    for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest.get(), chain[i].get());
    ::ERR_clear_error();
    if (::SSL_CTX_use_cert_and_key(context, chain.front().get(), key.get(), rest.get(), 0) != 1)
        throw CertificateError(openssl_words());
}

// Gives the context the files and lists of `config`.
void load_client(SSL_CTX* context, const TlsClientConfig& config, const TlsContext::Reject& reject,
                 std::vector<std::string>& warnings) {
    // The result of `work` for the text of the file; an empty one after reject().
    const auto load = [&](std::string_view key, const std::filesystem::path& path, FileText& file, auto&& work) {
        std::string problem = read_tls_file(path, file);
        try {
            if (problem.empty()) return work(file.text);
        } catch (const CertificateError& error) {
            problem = error.what();
        }
        reject(key, printable(path.native()) + ": " + problem);
        return decltype(work(file.text))();
    };

    ::SSL_CTX_set_verify(context, config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    FileText file;
    if (!config.ca.empty()) {
        // The operator trusts every certificate in the file, also one that is no root.
        X509_VERIFY_PARAM_set_flags(::SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
        const std::vector<Certificate> authorities = load("ca", config.ca, file, parse_certificates);
        for (const Certificate& authority : authorities)
            ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), authority.get());
        for (const std::string& warning : authority_warnings(file.text, authorities))
            warnings.push_back(printable(config.ca.native()) + ": " + warning);
    } else if (config.verify) {
        ::ERR_clear_error();
        if (::SSL_CTX_set_default_verify_paths(context) != 1) reject("ca", "the system's authorities: " + openssl_words());
    }

    if (!config.certificate.empty()) {
        FileText key_file;
        const std::string_view key_key = config.key == config.certificate ? "certificate" : "key";
        const std::vector<Certificate> chain = load("certificate", config.certificate, file, parse_certificates);
        const PrivateKey key = load(key_key, config.key, key_file, parse_key);
        if (!chain.empty() && key) {
            try {
                check_match(chain, *key);
                show(context, chain, key);
            } catch (const CertificateError& error) {
                reject(key_key, printable(config.key.native()) + ": " + error.what());
            }
            if (const std::string warning = time_warning(*chain.front()); !warning.empty())
                warnings.push_back(printable(config.certificate.native()) + ": " + warning);
            if (const std::string warning = access_warning(key_file.mode); !warning.empty())
                warnings.push_back(printable(config.key.native()) + ": " + warning);
        }
    }
}

} // namespace

TlsContext::TlsContext() : impl_(std::make_unique<Impl>(new_context(::TLS_client_method()))) {}

std::shared_ptr<const TlsContext> TlsContext::client(const TlsClientConfig& config, const Reject& reject) {
    bool rejected = false;
    const std::shared_ptr<TlsContext> made(new TlsContext);
    Impl& impl = *made->impl_;
    const auto note = [&](std::string_view key, const std::string& why) {
        rejected = true;
        reject(key, why);
    };
    load_client(impl.context.get(), config, note, made->warnings_);
    impl.add_alpn(config.alpn);
    // 0: no failure
    if (!impl.alpn.empty() &&
        ::SSL_CTX_set_alpn_protos(impl.context.get(), reinterpret_cast<const unsigned char*>(impl.alpn.data()),
                                  static_cast<unsigned>(impl.alpn.size())) != 0)
        throw std::bad_alloc();
    return rejected ? nullptr : made;
}

} // namespace gatehouse::host
