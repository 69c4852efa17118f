// One end of a byte stream: the part that a client connection and an upstream connection have in common. This is what plugins
// hold as gatehouse_conn, and its functions are those of gatehouse_host with the same name; see gatehouse.h for their contract.
//
// With a TLS session, all of it is about the plaintext; the deadlines and the waiting are the same.
//
// Descriptors are non-blocking. A call that has to wait marks its thread as blocked and polls the descriptor together with the
// drain's, up to the nearest of the deadlines below. Only the thread that serves the connection calls these. [conn]
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "threads/drain.hpp"
#include "tls/session.hpp"

#include <cerrno>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <memory>
#include <optional>
#include <span>
#include <sys/types.h>

namespace gatehouse::host {
struct Connection;
}

struct gatehouse_conn {
    explicit gatehouse_conn(const gatehouse::host::Drain& drain) noexcept : drain_(&drain) {}

    gatehouse_status read(void* buffer, std::size_t capacity, std::size_t& size) noexcept;
    gatehouse_status write(std::span<const gatehouse_bytes> parts) noexcept;
    gatehouse_status send_file(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset,
                               std::uint64_t length) noexcept;
    gatehouse_status finish() noexcept;
    gatehouse_status set_deadline(std::uint64_t milliseconds) noexcept;

    // recv() and send() without waiting: bytes, 0 (the end) or -1 and errno. EAGAIN: see tls->wants_write() for what to wait
    // for. With TLS also cut_short: the peer has gone without saying that it was at its end; and tls_error: see tls->words().
    // What send() has not taken has to be offered again, from where it stood. `flags`: 0 or MSG_MORE.
    static constexpr int cut_short = ENODATA; // neither comes from a socket
    static constexpr int tls_error = EPROTO;
    ssize_t receive(void* buffer, std::size_t capacity) noexcept;
    ssize_t transmit(const void* data, std::size_t size, int flags) noexcept;

    // finish() without waiting. Nothing: the socket takes nothing at the moment.
    std::optional<gatehouse_status> try_finish() noexcept;

    // Before the socket is closed: a close_notify, if there is TLS and the peer can still be told. False: the socket takes
    // nothing at the moment.
    bool part() noexcept;

    // Whether there is something that read() would not wait for. With TLS, bytes of a record that is not complete are nothing.
    bool has_news() noexcept;

    // Whether what is left unread would be forgotten if only the socket was watched from now on.
    bool holds_bytes() const noexcept { return tls && tls->holds_bytes(); }

    gatehouse::host::Connection* connection = nullptr; // itself, if it is a client's
    int fd = -1;
    std::unique_ptr<gatehouse::host::TlsSession> tls; // null: the connection is plain
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;

    // Deadlines. `idle` is a span and starts anew with every read and with every 64 KiB written; the others are points in time.
    gatehouse::host::Nanoseconds idle = gatehouse::host::never;
    gatehouse::host::Nanoseconds lifetime = gatehouse::host::never;
    gatehouse::host::Nanoseconds plugin_deadline = gatehouse::host::never;

    // The earliest of the three and of the request's, if nothing moves from now on, and which one that is.
    struct Due {
        gatehouse::host::Nanoseconds when;
        gatehouse::host::Reason reason;
    };
    Due due(gatehouse::host::Nanoseconds now) const noexcept;

    // From the first byte of a request to the answer, and while the answer is written, so many bytes per second must move in
    // each such time; 0: none are asked for.
    void set_rate(std::uint64_t bytes_per_second, std::chrono::milliseconds window) noexcept;

    // The client has said all that it has to for now: its rate is not looked at until it says more.
    void request_complete() noexcept { request_due_ = gatehouse::host::never; }

    // Notes that a deadline has passed, so that the next read that would wait says GATEHOUSE_TIMEOUT.
    void expire(gatehouse::host::Reason reason) noexcept;

    // Makes all of it as for a new connection on `descriptor`.
    void open(int descriptor) noexcept;

    std::optional<gatehouse::host::Reason> ended; // why it cannot go on; the first cause stays
    bool at_end = false;                          // the peer has finished sending
    bool finished = false;                        // we have
    bool broken = false;                          // reset, or a write has failed
    bool emptied = false;                         // the last read took all that was there
    bool stopping_said = false;
    bool deadline_hit = false;    // the plugin's own deadline has passed, and nothing has been read since
    bool deadline_passed = false; // the plugin's own deadline has passed and has not been reported yet

  private:
    gatehouse_status wait(short events, bool hear_drain) noexcept;
    gatehouse_status wait_writable() noexcept;
    void count_request() noexcept;
    bool renew_write(gatehouse::host::Nanoseconds now) noexcept;
    std::uint64_t sent() const noexcept { return tls ? tls->wire_sent() : bytes_out; }
    std::uint64_t taken() const noexcept;
    gatehouse_status fail(int error) noexcept;
    gatehouse_status write_some(std::span<gatehouse_bytes> parts, int flags) noexcept;
    gatehouse_status write_records(std::span<gatehouse_bytes> parts, int flags) noexcept;
    gatehouse_status copy_file(int file, std::uint64_t offset, std::uint64_t length) noexcept;
    gatehouse_status write_all(const char* data, std::size_t size, int flags) noexcept;

    const gatehouse::host::Drain* drain_;
    gatehouse::host::Nanoseconds farewell_ = 0;  // until when writes may wait after a deadline has passed
    gatehouse::host::Nanoseconds write_due_ = 0; // of the write that is going on
    std::uint64_t write_progress_ = 0;           // bytes since write_due_ was set
    std::uint64_t write_mark_ = 0;               // what the peer had taken when write_due_ was set

    gatehouse::host::Nanoseconds rate_window_ = gatehouse::host::never; // never: no rate is asked for
    std::uint64_t rate_bytes_ = 0;                                      // of each window
    gatehouse::host::Nanoseconds request_due_ = gatehouse::host::never; // of its next rate_bytes_; never: it has been answered
    std::uint64_t request_mark_ = 0;                                    // bytes_in when request_due_ was set
};

namespace gatehouse::host {
using Stream = ::gatehouse_conn;
}
