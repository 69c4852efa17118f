// A connected socket and, if there is one, the TLS session on it. Its calls never wait: stages, the relay engine and Stream,
// which waits, all stand on these. With TLS, all of it is about the plaintext. [owner]
#pragma once

#include "base/clock.hpp"
#include "base/observed.hpp"
#include "tls/session.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <sys/types.h>

namespace gatehouse::host {

inline constexpr std::size_t tls_record_size = 16 * 1024; // of plaintext, at most: RFC 8446 5.1

struct Channel {
    // epoll has reported this of the socket.
    void heard(std::uint32_t events) noexcept;
    // The event was another thread's: asks the socket what it has told, as far as nothing has been read since then.
    void hear_again() noexcept;

    // recv() and send() without waiting: a number of bytes, or -1 and errno. EAGAIN: wants_write() says what to wait for. With
    // TLS, errno may also be cut_short: the peer has closed without a close_notify; or tls_error: see tls->words(). receive()
    // gives 0 at the end, transmit() never does. What transmit() has not taken is to be offered again, from where it stood.
    // `flags`: 0 or MSG_MORE.
    static constexpr int cut_short = ENODATA; // neither comes from a socket
    static constexpr int tls_error = EPROTO;
    ssize_t receive(void* buffer, std::size_t capacity) noexcept;
    ssize_t transmit(const void* data, std::size_t size, int flags) noexcept;

    // The bytes that have arrived, as many as fit into `buffer`, left where they are. Nothing: the peer has reset the
    // connection. Sets `emptied`, and `hangup` at the end.
    std::optional<std::span<const std::byte>> peek(std::span<std::byte> buffer) noexcept;

    // Tells the peer that no more will come. 0 or an errno; nothing: the socket has no room for it at the moment.
    std::optional<int> finish() noexcept;

    // Before the socket is closed: a close_notify, if there is TLS and the peer can still be told. False: the socket has no
    // room for it at the moment.
    bool say_goodbye() noexcept;

    // Whether receive() would have something to say. With TLS, a part of a record is nothing.
    bool has_news() noexcept;

    // Whether an event of the socket would not tell of all that is left unread.
    bool holds_bytes() const noexcept { return tls && tls->holds_bytes(); }
    // Whether TLS has to write before it can go on.
    bool wants_write() const noexcept { return tls && tls->wants_write(); }

    // Whether a read that did not fill its buffer has taken all that was there, the end included.
    bool short_read_is_all() const noexcept { return !hangup && !stops_short; }

    // Whether the socket is reset, or closed on both sides.
    bool is_gone() const noexcept;
    // Whether the socket itself has bytes, an end or an error, which stays there for a read. Urgent data alone is none.
    bool has_input() const noexcept;

    int fd = -1;
    bool read_end : 1 = false; // the peer has finished sending
    bool finished : 1 = false; // we have
    bool broken : 1 = false;   // reset, or a write has failed
    bool emptied : 1 = false;  // the last read took all that was there
    bool hangup : 1 = false;   // the peer has closed or reset: no more bytes will come
    // At urgent data a read stops short of what is there; or somebody else has got the event that told of more.
    bool stops_short : 1 = false;
    std::unique_ptr<TlsSession> tls; // null: the connection is plain
    // What has been read and written, plain, and when there was something last; 0: never.
    Observed<std::uint64_t> bytes_in;
    Observed<std::uint64_t> bytes_out;
    Observed<Nanoseconds> moved;
    void count_in(std::uint64_t bytes) noexcept {
        bytes_in += bytes;
        moved = coarse_now();
    }
    void count_out(std::uint64_t bytes) noexcept {
        bytes_out += bytes;
        moved = coarse_now();
    }
};

} // namespace gatehouse::host
