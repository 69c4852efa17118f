// A Channel whose calls wait: what plugins hold of a client's connection and of an upstream connection. The functions are those
// of gatehouse_host with the same name; see gatehouse.h for their contract.
//
// A call that has to wait leaves the pool's epoll set and waits by itself, up to the nearest of the deadlines below. Only the
// thread that serves the connection calls these. [conn]
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "connection/channel.hpp"
#include "connection/handle.hpp"
#include "connection/outbox.hpp"
#include "connection/watch.hpp"
#include "threads/drain.hpp"

#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <memory>
#include <optional>
#include <span>

namespace gatehouse::host {

class Stream : public gatehouse_conn, public Channel {
  public:
    Stream() noexcept = default; // to be opened: see Connection::open()
    explicit Stream(const Drain& drain) noexcept : drain_(&drain) {}
    Stream(Stream&&) noexcept = default;
    Stream& operator=(Stream&&) noexcept = default;
    ~Stream() = default;

    gatehouse_status read(void* buffer, std::size_t capacity, std::size_t& size) noexcept;
    gatehouse_status write(std::span<const gatehouse_bytes> parts) noexcept;
    gatehouse_status send_file(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset,
                               std::uint64_t length) noexcept;
    gatehouse_status finish() noexcept; // waits for room, unlike Channel::finish()
    gatehouse_status set_deadline(std::uint64_t milliseconds) noexcept;

    // The same without waiting.
    gatehouse_status read_now(void* buffer, std::size_t capacity, std::size_t& size) noexcept;
    gatehouse_status write_now(std::span<const gatehouse_bytes> parts, std::size_t& written) noexcept;
    gatehouse_status send(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset, std::uint64_t length,
                          std::uint64_t& left) noexcept;

    // The same for the host itself, without deadlines: what has arrived, or GATEHOUSE_AGAIN; and all of it is written, what the
    // socket does not take as output that is left. For pass_on() there is none before.
    gatehouse_status read_there(void* buffer, std::size_t capacity, std::size_t& size) noexcept;
    gatehouse_status pass_on(std::span<const char> bytes) noexcept;

    // What send(), write_now() and pass_on() have taken, and the socket has not. flush() goes on with it, and does not wait.
    bool holds_output() const noexcept { return output_ != nullptr; }
    enum class Flushed : std::uint8_t {
        all,     // the kernel has all of it
        held_up, // until the socket has room
        more,    // the turn is over, and the socket has room
        broken,  // so is the stream
    };
    Flushed flush() noexcept;
    // The time of the output is over; false: the peer has taken its share meanwhile, and has more time.
    bool output_is_late(Nanoseconds now) noexcept { return !rate_ || !renew_write(now); }
    // Throws it away: the peer is reset, since it has not got all that it was promised.
    void drop_output() noexcept;

    // Serves this client from now on, after another one: nothing but the connection itself is left of what was.
    void pass_to(const Stream& client) noexcept;

    // The drain that its waits hear.
    const Drain& drain() const noexcept { return *drain_; }

    // Deadlines. `idle` is a span and starts anew with every read and with every 64 KiB written; the others are points in time.
    Nanoseconds idle = never;
    Nanoseconds lifetime = never;
    Nanoseconds plugin_deadline = never;

    // The earliest of the three and of the request's, if nothing moves from now on, and which one that is.
    struct Due {
        Nanoseconds when;
        Reason reason;
    };
    Due due(Nanoseconds now) const noexcept { return due(now, plugin_deadline); }
    // The same with another one in the place of the plugin's own.
    Due due(Nanoseconds now, Nanoseconds timer) const noexcept;

    // From the first byte of a request to the answer, and while the answer is written, so many bytes per second must move in
    // each such time; 0: none are asked for. False: no memory.
    bool set_rate(std::uint64_t bytes_per_second, std::chrono::milliseconds window) noexcept;

    // The client has said all that it has to for now: its rate is not looked at until it says more.
    void request_complete() noexcept {
        if (rate_) rate_->request_due = never;
    }

    // Whether finish() has been called, though output may be left before it takes effect.
    bool is_finished() const noexcept { return finished || (output_ && output_->finish); }

    // TLS begins: what has been said in plain is not measured any more.
    void begin_tls() noexcept {
        pending = true;
        request_complete();
        if (!output_) write_due_ = 0;
    }

    // Notes that a deadline has passed, so that the next read that would wait says GATEHOUSE_TIMEOUT, or _TIMER if it is the
    // plugin's own.
    void expire(Reason cause) noexcept;
    // The plugin's own deadline has passed, and the call that is about to return says so.
    void pass_timer() noexcept;

    [[no_unique_address]] Watch watch; // the next ones have room in its last word
    // What brings a parked connection back, of GATEHOUSE_READABLE and _WRITABLE; and what of it is there, as far as is known.
    std::uint8_t wanted : 2 = 0;
    std::uint8_t found : 2 = 0;
    bool sent_due : 1 = false; // the kernel has all that send() had left, and the plugin has not heard of that
    bool pending : 1 = false;  // an attempt goes on, or TLS with the client, or has failed: it can only be closed
    bool full : 1 = false;     // a write has taken less than it was given, and the socket has not had room since
    bool stopping_said : 1 = false;
    bool deadline_hit : 1 = false;    // the plugin has heard of its own deadline, and of nothing else since
    bool deadline_passed : 1 = false; // the plugin's own deadline has passed and has not been reported yet
    std::optional<Reason> reason;     // why it cannot go on; the first cause stays
    // The peer took so many bytes a second when its thread was given up for others: see Pool::BlockedWrite.
    static constexpr std::uint16_t not_given_up = 0xffff;
    std::uint16_t given_up_at = not_given_up;

  private:
    gatehouse_status wait_for(short events, bool hear_drain) noexcept;
    gatehouse_status wait_writable() noexcept;
    void count_request() noexcept;
    bool renew_write(Nanoseconds now) noexcept;
    std::uint64_t sent() const noexcept { return tls ? tls->wire_sent() : bytes_out; }
    std::uint64_t taken() const noexcept;
    gatehouse_status fail(int error) noexcept;
    gatehouse_status may_write() noexcept;
    void begin_write_time() noexcept;
    gatehouse_status empty_output() noexcept;
    ssize_t send_parts(std::span<gatehouse_bytes> parts, int flags) const noexcept;
    gatehouse_status write_some(std::span<gatehouse_bytes> parts, int flags) noexcept;
    gatehouse_status write_records(std::span<gatehouse_bytes> parts, int flags) noexcept;
    gatehouse_status copy_file(int file, std::uint64_t offset, std::uint64_t length) noexcept;
    gatehouse_status put(std::span<const gatehouse_bytes> parts, int flags, std::size_t& written) noexcept;
    gatehouse_status put_parts(std::span<gatehouse_bytes> parts, int flags, std::size_t& written) noexcept;
    gatehouse_status put_records(std::span<gatehouse_bytes> parts, int flags, std::size_t& written) noexcept;
    bool hold(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset, std::uint64_t length) noexcept;
    bool hold_rest(std::span<const gatehouse_bytes> parts, std::size_t written) noexcept;
    gatehouse_status write_all(const char* data, std::size_t size, int flags) noexcept;

    const Drain* drain_ = nullptr;
    Nanoseconds farewell_ = 0;         // until when writes may wait after a deadline has passed
    Nanoseconds write_due_ = 0;        // of the write that is going on
    std::uint64_t write_progress_ = 0; // bytes since write_due_ was set

    // By itself, since few listeners ask for one, and there are many connections that rest.
    struct Rate {
        Nanoseconds window;
        std::uint64_t bytes;             // of each window
        Nanoseconds request_due = never; // of its next `bytes`; never: it has been answered
        std::uint64_t request_mark = 0;  // bytes_in when request_due was set
        std::uint64_t write_mark = 0;    // what the peer had taken when write_due_ was set
    };
    std::unique_ptr<Rate> rate_;     // null: none is asked for
    std::unique_ptr<Outbox> output_; // null: the kernel has all that was written
};

} // namespace gatehouse::host
