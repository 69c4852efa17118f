#include "tls_client.hpp"

#include "stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdexcept>
#include <utility>

namespace gatehouse::chaos {

TlsClient::TlsClient(const std::string& address, Options options)
    : options_(std::move(options)), client_(address), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      ssl_(nullptr, SSL_free) {
    if (SSL_CTX_load_verify_locations(context_.get(), options_.ca.c_str(), nullptr) != 1)
        throw std::logic_error("the authority cannot be read: " + options_.ca);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (options_.version_1_2) SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_tlsext_host_name(ssl_.get(), "localhost");
    SSL_set1_host(ssl_.get(), "localhost");
    SSL_set_connect_state(ssl_.get());
    drive([&] { return SSL_do_handshake(ssl_.get()); });
}

TlsClient::~TlsClient() = default;

void TlsClient::send(std::string_view bytes) {
    drive([&] { return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); });
    flush();
}

std::string TlsClient::receive(std::size_t at_most) {
    std::string bytes(at_most, '\0');
    int size = 0;
    const bool more = drive([&] { return size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); });
    bytes.resize(more ? static_cast<std::size_t>(size) : 0);
    return bytes;
}

std::string TlsClient::recv_exactly(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
        const std::string more = receive(size - bytes.size());
        if (more.empty()) throw std::runtime_error("the TLS stream ended after " + std::to_string(bytes.size()) + " bytes");
        bytes += more;
    }
    return bytes;
}

void TlsClient::finish() {
    SSL_shutdown(ssl_.get());
    flush();
    client_.finish();
}

void TlsClient::key_update() {
    SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
    drive([&] { return SSL_do_handshake(ssl_.get()); });
    flush();
}

void TlsClient::flush() {
    char* data = nullptr;
    BIO* const out = SSL_get_wbio(ssl_.get());
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out, &data));
    if (size == 0) return;
    std::string bytes(data, size);
    BIO_reset(out);
    if (options_.on_the_way) options_.on_the_way(bytes);
    client_.send(bytes);
}

void TlsClient::take_in() {
    const std::string bytes = chaos::receive(client_);
    if (bytes.empty()) throw std::runtime_error("the connection ended without a close_notify");
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
}

bool TlsClient::drive(const std::function<int()>& call) {
    for (;;) {
        ERR_clear_error();
        const int result = call();
        if (result > 0) return true;
        switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            flush();
            take_in();
            break;
        case SSL_ERROR_ZERO_RETURN:
            return false;
        default:
            const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
            const std::string text = reason != nullptr ? reason : "unknown error";
            if (SSL_get_verify_result(ssl_.get()) != X509_V_OK)
                throw Wrong("the host's certificate is not the test's: " + text);
            throw std::runtime_error("TLS: " + text);
        }
    }
}

} // namespace gatehouse::chaos
