// A TLS 1.2 or 1.3 session on a socket. It never waits, and never raises SIGPIPE. Its owner is the owner of the connection;
// only the thread that has the connection at the moment calls it. [conn] [relay]
#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// OpenSSL's SSL.
struct ssl_st;

namespace gatehouse::host {

class TlsContext;

std::string_view openssl_version() noexcept; // of the library that is loaded: "3.0.17". [any]

class TlsSession {
  public:
    // A server's session on a connected, non-blocking socket, which stays the caller's. Null: no memory. The caller has counted
    // this handshake in `handshakes`; the session subtracts it again when the handshake is done or given up.
    static std::unique_ptr<TlsSession> server(std::shared_ptr<const TlsContext> context, int fd,
                                              std::atomic<std::uint32_t>& handshakes) noexcept;
    // A client's session. It asks the server for `name` (SNI) unless that is an IP address, and the server's certificate must
    // be for `name`. An empty name is for contexts that do not verify. Null: no memory, or `name` cannot be the name of a
    // server.
    static std::unique_ptr<TlsSession> client(std::shared_ptr<const TlsContext> context, int fd,
                                              const std::string& name) noexcept;
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    enum class Outcome {
        done,
        want_read,  // the socket has no more bytes: call again when it has
        want_write, // the socket takes no more bytes: call again when it does; a write with the same bytes
        end,        // a reader's alone: the peer has sent close_notify, so it has sent all it wanted to; or see truncated()
        cut,        // the socket has ended without a close_notify: bytes may be missing
        reset,      // the socket has failed: see error()
        failed,     // TLS has failed: see words()
    };

    // Before it is done, only the destructor, error() and words() may be called. `end`: the peer ended within the handshake.
    Outcome handshake() noexcept;

    Nanoseconds begun() const noexcept { return begun_; } // when the session was made

    bool established() const noexcept { return established_; } // the handshake is done

    // A server's handshake goes on: it is counted, until it is done, has failed, or is given up.
    bool shakes_hands() const noexcept { return handshakes_ != nullptr; }
    void give_up() noexcept;

    // The peer has sent urgent data: from now on a read of the socket may stop short of what is there.
    void expect_short_reads() noexcept { wire_.stops_short = true; }

    // Reads 1 to `capacity` bytes. Once the outcome is end, cut, reset or failed, each later read has the same one. A write
    // that fails ends no reading: what the peer has sent before it went away is still there.
    Outcome read(void* buffer, std::size_t capacity, std::size_t& size) noexcept;

    // Shows the first bytes and leaves them for read(). Unlike OpenSSL's own, it looks into as many records as have come. If
    // memory runs out, it shows fewer. `ended`: no bytes will come after these.
    Outcome peek(void* buffer, std::size_t capacity, std::size_t& size, bool& ended) noexcept;

    // Whether read() would have an outcome other than want_read and want_write.
    bool has_news() noexcept;

    // Writes at most one record; `written` is 1 or more after `done`. `more`: the caller writes on at once, so the kernel may
    // wait with a small packet. After reset and failed, each later write has the same outcome.
    Outcome write(const void* data, std::size_t size, bool more, std::size_t& written) noexcept;

    // Sends close_notify: the peer learns that no more bytes will come. Reading goes on.
    Outcome finish() noexcept;

    // Whether the last read has taken everything: the session holds no bytes, and the socket had no more.
    bool emptied() const noexcept;

    // Whether the session holds bytes, for which the socket will show no event. They may be less than a record: see has_news().
    bool holds_bytes() const noexcept;

    // Whether the last call that could not go on waits until the socket takes bytes. Otherwise it waits until it has some.
    bool wants_write() const noexcept { return wants_write_; }

    // How many bytes the socket has taken, with all that TLS adds.
    std::uint64_t wire_sent() const noexcept { return wire_.sent; }

    int error() const noexcept { return error_; }                // an errno, after `reset`
    const std::string& words() const noexcept { return words_; } // OpenSSL's reason, after `failed`

    // What client and server have agreed on. Each is valid as long as the session is.
    std::string_view version() const noexcept; // "TLSv1.3"
    std::string_view cipher() const noexcept;  // "TLS_AES_256_GCM_SHA384"
    std::string_view sni() const noexcept;     // empty: the client has asked for no name
    std::string_view alpn() const noexcept;    // empty: no protocol was agreed on
    bool resumed() const noexcept;             // by a ticket

    // Whether the end that read() has said came without a close_notify: see TlsConfig::truncation.
    bool truncated() const noexcept { return truncated_; }
    // From the client's certificate; empty unless it has sent one that was verified. May throw std::bad_alloc.
    std::string client_subject() const;
    std::string client_alternative_names() const;

  private:
    friend struct WireMethods;

    // Between OpenSSL and the socket.
    struct WireState {
        int fd = -1;
        int error = 0;            // errno, if the socket failed in the last call
        std::uint64_t sent = 0;   // bytes
        bool would_block = false; // in the last call the socket had no bytes, or took none
        bool short_read = false;  // the last read from the socket took all that it had
        bool ended = false;       // the socket has ended
        bool more = false;        // MSG_MORE
        bool stops_short = false; // see expect_short_reads()
    };

    TlsSession(std::shared_ptr<const TlsContext> context, int fd) noexcept;
    bool open() noexcept;
    void begin_call() noexcept;
    Outcome outcome(int result, Outcome& dead) noexcept;
    Outcome take(void* buffer, std::size_t capacity, std::size_t& size, bool keep) noexcept;
    std::string verdict() const;

    const std::shared_ptr<const TlsContext> context_; // constant after construction, as are the next two
    ssl_st* ssl_ = nullptr;
    const Nanoseconds begun_ = monotonic_now();
    WireState wire_;
    bool wants_write_ = false;
    Outcome dead_ = Outcome::done;       // other than done: each later read has this outcome; reset and failed: each write too
    Outcome write_dead_ = Outcome::done; // other than done: each later write has this outcome
    int error_ = 0;
    bool established_ = false;
    bool truncated_ = false;
    std::string words_;
    std::string peeked_;                               // peek() has taken it from OpenSSL; read() takes it first
    std::atomic<std::uint32_t>* handshakes_ = nullptr; // null: this one is no longer counted
};

} // namespace gatehouse::host
