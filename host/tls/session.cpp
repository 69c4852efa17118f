#include "tls/session.hpp"

#include "base/socket.hpp"
#include "tls/certificate.hpp"
#include "tls/context_impl.hpp"

#include <cerrno>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::host {

std::string_view openssl_version() noexcept { return ::OpenSSL_version(OPENSSL_VERSION_STRING); }

// The functions of our BIO. OpenSSL's own BIO for sockets writes without MSG_NOSIGNAL, reads the header of each record by
// itself, and does not tell whether the socket has more bytes.
struct WireMethods {
    using State = TlsSession::WireState;

    static State& state(BIO* bio) noexcept { return *static_cast<State*>(::BIO_get_data(bio)); }

    static int read(BIO* bio, char* buffer, std::size_t capacity, std::size_t* size) noexcept {
        State& wire = state(bio);
        BIO_clear_retry_flags(bio);
        ssize_t count = 0;
        do {
            count = receive_now(wire.fd, buffer, capacity, 0, wire.stops_short);
        } while (count < 0 && errno == EINTR);
        wire.short_read = count < static_cast<ssize_t>(capacity);
        if (count > 0) {
            *size = static_cast<std::size_t>(count);
            return 1;
        }
        if (count == 0) {
            wire.ended = true;
        } else if (errno == EAGAIN) {
            wire.would_block = true;
            BIO_set_retry_read(bio);
        } else {
            wire.error = errno;
        }
        return 0;
    }

    static int write(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept {
        State& wire = state(bio);
        BIO_clear_retry_flags(bio);
        ssize_t count = 0;
        do {
            count = ::send(wire.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | (wire.more ? MSG_MORE : 0));
        } while (count < 0 && errno == EINTR);
        if (count >= 0) {
            *written = static_cast<std::size_t>(count);
            wire.sent += *written;
            return 1;
        }
        if (errno == EAGAIN) {
            wire.would_block = true;
            BIO_set_retry_write(bio);
        } else {
            wire.error = errno;
        }
        return 0;
    }

    static long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) noexcept {
        if (command == BIO_CTRL_FLUSH) return 1;
        if (command == BIO_CTRL_EOF) return state(bio).ended ? 1 : 0;
        return 0;
    }

    // Null: no memory, this time.
    static const BIO_METHOD* get() noexcept {
        static std::atomic<BIO_METHOD*> methods{nullptr};
        if (const BIO_METHOD* const known = methods.load(std::memory_order_acquire)) return known;
        BIO_METHOD* const made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        if (made == nullptr) return nullptr;
        ::BIO_meth_set_read_ex(made, read);
        ::BIO_meth_set_write_ex(made, write);
        ::BIO_meth_set_ctrl(made, control);
        BIO_METHOD* first = nullptr;
        if (methods.compare_exchange_strong(first, made)) return made;
        ::BIO_meth_free(made); // another thread was faster
        return first;
    }
};

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int fd) noexcept : context_(std::move(context)) {
    wire_.fd = fd;
}

TlsSession::~TlsSession() {
    give_up();
    ::SSL_free(ssl_);
}

void TlsSession::give_up() noexcept {
    if (auto* const handshakes = std::exchange(handshakes_, nullptr)) handshakes->fetch_sub(1, std::memory_order_relaxed);
}

bool TlsSession::open() noexcept {
    ssl_ = ::SSL_new(context_->impl_->context.get());
    BIO* bio = ssl_ != nullptr && WireMethods::get() != nullptr ? ::BIO_new(WireMethods::get()) : nullptr;
    if (bio == nullptr) return false;
    ::BIO_set_data(bio, &wire_);
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(ssl_, bio, bio);
    return true;
}

std::unique_ptr<TlsSession> TlsSession::server(std::shared_ptr<const TlsContext> context, int fd,
                                               std::atomic<std::uint32_t>& handshakes) noexcept {
    std::unique_ptr<TlsSession> session(new (std::nothrow) TlsSession(std::move(context), fd));
    if (!session || !session->open()) {
        handshakes.fetch_sub(1, std::memory_order_relaxed);
        return nullptr;
    }
    ::SSL_set_accept_state(session->ssl_);
    session->handshakes_ = &handshakes;
    return session;
}

std::unique_ptr<TlsSession> TlsSession::client(std::shared_ptr<const TlsContext> context, int fd,
                                               const std::string& name) noexcept {
    std::unique_ptr<TlsSession> session(new (std::nothrow) TlsSession(std::move(context), fd));
    if (!session || !session->open()) return nullptr;
    SSL* const ssl = session->ssl_;
    ::SSL_set_connect_state(ssl);
    X509_VERIFY_PARAM* const rules = ::SSL_get0_param(ssl);
    if (::X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) return session; // RFC 6066 3: no SNI
    ::ERR_clear_error();
    ::X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (name.empty()) // every certificate would fit
        return ::SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ? std::move(session) : nullptr;
    const bool set =
        ::X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
    ::ERR_clear_error();
    return set ? std::move(session) : nullptr;
}

// Why the peer's certificate was refused, to be appended to OpenSSL's reason; empty: it was not.
std::string TlsSession::verdict() const {
    const long verdict = ::SSL_get_verify_result(ssl_);
    if (verdict == X509_V_OK || ::SSL_get_verify_mode(ssl_) == SSL_VERIFY_NONE) return "";
    std::string text = std::string(": ") + ::X509_verify_cert_error_string(verdict);
    X509_VERIFY_PARAM* const rules = ::SSL_get0_param(ssl_);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH) {
        const char* const name = ::X509_VERIFY_PARAM_get0_host(rules, 0);
        if (name != nullptr) text += std::string(" (it is not for ") + name + ')';
    } else if (verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        char* const name = ::X509_VERIFY_PARAM_get1_ip_asc(rules);
        if (name != nullptr) text += std::string(" (it is not for ") + name + ')';
        OPENSSL_free(name);
    }
    return text;
}

// Clears the errors that earlier calls have left, so that outcome() does not take them for those of the next call.
void TlsSession::begin_call() noexcept {
    ::ERR_clear_error(); // plugins may use OpenSSL on this thread too
    wire_.error = 0;
    wire_.would_block = wire_.more = wants_write_ = false;
}

// The outcome of a call of OpenSSL that has failed. A failed socket is asked for first: once the peer has sent close_notify,
// SSL_get_error() calls every failure an orderly end, also that of a write. `dead` gets an outcome that stays.
TlsSession::Outcome TlsSession::outcome(int result, Outcome& dead) noexcept {
    switch (wire_.error != 0 ? SSL_ERROR_SYSCALL : ::SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
        return Outcome::want_read;
    case SSL_ERROR_WANT_WRITE:
        wants_write_ = true;
        return Outcome::want_write;
    case SSL_ERROR_ZERO_RETURN:
        if (wire_.ended && !established_) break;
        truncated_ = wire_.ended; // after a close_notify OpenSSL does not ask the socket any more
        return dead = Outcome::end;
    default:
        break;
    }
    // OpenSSL answers an end within the handshake with an alert, which a unix socket that the peer has closed does not take.
    const bool ended = wire_.ended && !established_;
    if (ERR_GET_REASON(::ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE) wire_.error = ENOMEM;
    if (wire_.error != 0 && !ended)
        dead = Outcome::reset, error_ = wire_.error;
    else if (ended || (wire_.ended && ERR_GET_REASON(::ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        dead = Outcome::cut;
    else
        dead = Outcome::failed;
    try {
        words_ = openssl_words();
        if (dead == Outcome::failed) words_ += verdict();
    } catch (const std::bad_alloc&) {
        ::ERR_clear_error();
    }
    return dead;
}

TlsSession::Outcome TlsSession::handshake() noexcept {
    if (dead_ != Outcome::done) return dead_;
    begin_call();
    const int result = ::SSL_do_handshake(ssl_);
    if (result != 1) {
        const Outcome what = outcome(result, dead_);
        if (dead_ != Outcome::done) give_up(); // the connection may linger, but costs no more computing
        return what;
    }
    established_ = true;
    give_up();
    return Outcome::done;
}

// Bounds the records without data (RFC 8446 4.6.3, 5.1) that a peer may send in a row: they would keep this thread busy.
TlsSession::Outcome TlsSession::take(void* buffer, std::size_t capacity, std::size_t& size, bool keep) noexcept {
    constexpr int most_records = 32;
    if (dead_ != Outcome::done) return dead_;
    for (int i = 0; i < most_records; ++i) {
        begin_call();
        const int result = keep ? ::SSL_peek_ex(ssl_, buffer, capacity, &size) : ::SSL_read_ex(ssl_, buffer, capacity, &size);
        if (result == 1) return Outcome::done;
        if (const Outcome what = outcome(result, dead_); what != Outcome::want_read || wire_.would_block) return what;
    }
    words_ = "too many records without data";
    return dead_ = Outcome::failed;
}

TlsSession::Outcome TlsSession::read(void* buffer, std::size_t capacity, std::size_t& size) noexcept {
    if (peeked_.empty()) return take(buffer, capacity, size, false);
    size = peeked_.copy(static_cast<char*>(buffer), capacity);
    peeked_.erase(0, size);
    if (peeked_.empty()) peeked_.shrink_to_fit();
    return Outcome::done;
}

// SSL_peek() shows the first record alone, but the first bytes of a protocol may come in several.
TlsSession::Outcome TlsSession::peek(void* buffer, std::size_t capacity, std::size_t& size, bool& ended) noexcept {
    Outcome what = Outcome::done;
    try {
        while (what == Outcome::done && peeked_.size() < capacity) {
            const std::size_t have = peeked_.size();
            std::size_t fresh = 0;
            peeked_.resize(capacity);
            what = take(peeked_.data() + have, capacity - have, fresh, false);
            peeked_.resize(have + (what == Outcome::done ? fresh : 0));
        }
    } catch (const std::bad_alloc&) { // shows what it has
        if (peeked_.empty()) return dead_ = Outcome::failed;
    }
    ended = dead_ != Outcome::done;
    size = peeked_.copy(static_cast<char*>(buffer), capacity);
    return size > 0 ? Outcome::done : what;
}

bool TlsSession::has_news() noexcept {
    char byte = 0;
    std::size_t size = 0;
    if (!peeked_.empty()) return true;
    const Outcome what = take(&byte, 1, size, true);
    return what != Outcome::want_read && what != Outcome::want_write;
}

TlsSession::Outcome TlsSession::write(const void* data, std::size_t size, bool more, std::size_t& written) noexcept {
    if (dead_ == Outcome::reset || dead_ == Outcome::failed) return dead_;
    if (write_dead_ != Outcome::done) return write_dead_;
    begin_call();
    wire_.more = more || size > SSL3_RT_MAX_PLAIN_LENGTH;
    const int result = ::SSL_write_ex(ssl_, data, size, &written);
    if (result == 1) return Outcome::done;
    const Outcome what = outcome(result, write_dead_);
    // A writer meets the end when OpenSSL has to read first: the peer began a message after the handshake (RFC 8446 4.6), and
    // ended within it. This session can write no more.
    return what == Outcome::end ? write_dead_ = Outcome::failed : what;
}

TlsSession::Outcome TlsSession::finish() noexcept {
    if (dead_ == Outcome::reset || dead_ == Outcome::failed) return dead_;
    if (write_dead_ != Outcome::done) return write_dead_;
    begin_call();
    const int result = ::SSL_shutdown(ssl_); // 0: sent, but the peer has not sent its own yet
    // A second SSL_shutdown() takes a 0 from our BIO, for a write that would block or has failed, for success.
    if (result < 0 || wire_.error != 0) return outcome(result, write_dead_);
    wants_write_ = BIO_should_write(::SSL_get_wbio(ssl_)) != 0;
    return wants_write_ ? Outcome::want_write : Outcome::done;
}

bool TlsSession::emptied() const noexcept {
    return (wire_.would_block || (wire_.short_read && !wire_.stops_short)) && !holds_bytes();
}

bool TlsSession::holds_bytes() const noexcept { return !peeked_.empty() || ::SSL_has_pending(ssl_) == 1; }

std::string_view TlsSession::version() const noexcept { return ::SSL_get_version(ssl_); }

std::string_view TlsSession::cipher() const noexcept { return ::SSL_get_cipher_name(ssl_); }

std::string_view TlsSession::sni() const noexcept {
    const char* name = ::SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

std::string_view TlsSession::alpn() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

bool TlsSession::resumed() const noexcept { return ::SSL_session_reused(ssl_) == 1; }

std::string TlsSession::client_subject() const {
    const X509* certificate = ::SSL_get0_peer_certificate(ssl_);
    return certificate != nullptr && ::SSL_get_verify_result(ssl_) == X509_V_OK ? subject(*certificate) : "";
}

std::string TlsSession::client_alternative_names() const {
    const X509* certificate = ::SSL_get0_peer_certificate(ssl_);
    return certificate != nullptr && ::SSL_get_verify_result(ssl_) == X509_V_OK ? alternative_names(*certificate) : "";
}

} // namespace gatehouse::host
