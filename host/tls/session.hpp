// TLS 1.2 and 1.3 over a socket. OpenSSL stays behind this and certificate.hpp.
//
// A context is what connections have in common: certificates and rules, as they were loaded from files. It never changes; what
// is loaded anew is another one, and sessions keep the one that they were made with. A session is one connection's; it belongs
// to whoever owns the connection, never waits, and never raises SIGPIPE.
#pragma once

#include "config/config.hpp"
#include "tls/files.hpp"
#include "tls/ticket_keys.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// OpenSSL's SSL.
struct ssl_st;

namespace gatehouse::host {

// What is wrong with the files and lists of a section, a line each: "FILE:LINE:COLUMN: KEY: ...".
class TlsError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class TlsContext {
  public:
    // Throws TlsError with all problems. `keys` may be shared with other contexts of the same section, and opens
    // tickets that they have given out. [main]
    TlsContext(const TlsConfig& config, const TlsFiles& files, std::shared_ptr<TicketKeys> keys);

    // For connections to servers. What is wrong is told by key of the table that `config` was read from; null if anything was.
    // The files are read here. [main]
    using Reject = std::function<void(std::string_view key, const std::string& why)>;
    static std::shared_ptr<const TlsContext> client(const TlsClientConfig& config, const Reject& reject);

    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // What works but should be looked at: expired certificates, keys that everybody may read. Lines as in TlsError,
    // of a client's without the place.
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    // Who the certificates are for, and until when, for the log.
    std::string summary() const;

  private:
    friend class TlsSession;
    struct Impl;

    TlsContext();

    std::unique_ptr<Impl> impl_; // constant after construction, as are all
    std::vector<std::string> warnings_;
};

class TlsSession {
  public:
    // A session on a connected, non-blocking socket, which stays the caller's. Null: no memory. `handshakes` counts those that
    // are going on: it is lowered by one when this one has been done, or is given up.
    static std::unique_ptr<TlsSession> server(std::shared_ptr<const TlsContext> context, int fd,
                                              std::atomic<std::uint32_t>& handshakes) noexcept;
    // The same towards a server, of which it asks for `name`, and whose certificate has to be for that; an IP address is not
    // asked for. Empty: neither; for contexts that do not verify. Null: no memory, or a name that cannot be one.
    static std::unique_ptr<TlsSession> client(std::shared_ptr<const TlsContext> context, int fd,
                                              const std::string& name) noexcept;
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    enum class Outcome {
        done,
        want_read,  // all that the socket had has been taken; to be tried again when it has more
        want_write, // to be tried again when the socket takes more, with the same bytes if it was a write
        end,        // close_notify: the peer has properly finished sending
        cut,        // the socket has ended without a close_notify: what came may not be all there was to come
        reset,      // the socket has failed: error()
        failed,     // TLS has failed: words()
    };

    // Until done, nothing else may be called but the destructor and words().
    Outcome handshake() noexcept;

    bool established() const noexcept { return established_; } // the handshake is done

    // 1 to `capacity` bytes, or why not. Once it is end, cut, reset or failed, it stays that.
    Outcome read(void* buffer, std::size_t capacity, std::size_t& size) noexcept;

    // The first bytes without taking them: as read(), but of as many records as there are. What does not fit into memory is
    // left out. `ended`: nothing can come after these bytes.
    Outcome peek(void* buffer, std::size_t capacity, std::size_t& size, bool& ended) noexcept;

    // Whether read() would say something else than want_read or want_write.
    bool has_news() noexcept;

    // As much as goes into one record. `more`: the caller writes on at once, so the kernel need not send a small packet.
    Outcome write(const void* data, std::size_t size, bool more, std::size_t& written) noexcept;

    // Tells the peer that no more will come. Reading goes on.
    Outcome finish() noexcept;

    // Whether the last read has taken everything: nothing is left in here, and the socket had nothing more.
    bool emptied() const noexcept;

    // Whether bytes may be left in here that no event of the socket will tell of. They need not be a whole record yet:
    // has_news() tells.
    bool holds_bytes() const noexcept;

    // Whether the last call that could not go on waits for the socket to take more, and not for it to have more.
    bool wants_write() const noexcept { return wants_write_; }

    // Bytes that the socket has been given, records and all.
    std::uint64_t wire_sent() const noexcept { return wire_.sent; }

    int error() const noexcept { return wire_.error; }           // an errno
    const std::string& words() const noexcept { return words_; } // OpenSSL's, after `failed`

    // What was agreed on. Valid as long as the session is.
    std::string_view version() const noexcept; // "TLSv1.3"
    std::string_view cipher() const noexcept;  // "TLS_AES_256_GCM_SHA384"
    std::string_view sni() const noexcept;     // empty: none was asked for; also below
    std::string_view alpn() const noexcept;
    bool resumed() const noexcept;
    // Of the client's certificate, if it was shown and is good. May throw std::bad_alloc.
    std::string client_subject() const;
    std::string client_alternative_names() const;

  private:
    friend struct WireMethods;

    // Between OpenSSL and the socket.
    struct WireState {
        int fd = -1;
        int error = 0;            // of the last failed call
        std::uint64_t sent = 0;   // bytes
        bool would_block = false; // in the last call, the socket had nothing or took nothing
        bool short_read = false;  // the last read from the socket took all there was
        bool ended = false;       // the socket has ended
        bool more = false;        // MSG_MORE
    };

    TlsSession(std::shared_ptr<const TlsContext> context, int fd) noexcept;
    bool open() noexcept;
    Outcome outcome(int result) noexcept;
    Outcome take(void* buffer, std::size_t capacity, std::size_t& size, bool keep) noexcept;
    void uncount() noexcept;
    std::string verdict() const;

    const std::shared_ptr<const TlsContext> context_; // constant after construction, as is ssl_
    ssl_st* ssl_ = nullptr;
    WireState wire_;
    bool wants_write_ = false;
    Outcome dead_ = Outcome::done; // what every read says from now on, if it is not done
    bool established_ = false;
    std::string words_;
    std::string peeked_; // has been taken from OpenSSL, and will be read first
    std::atomic<std::uint32_t>* handshakes_ = nullptr;
};

} // namespace gatehouse::host
