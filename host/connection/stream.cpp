#include "connection/stream.hpp"

#include "base/socket.hpp"
#include "threads/pool.hpp"
#include "threads/wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <new>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds farewell_time = 1'000'000'000; // for a plugin's last words after a deadline
constexpr std::uint64_t write_progress_step = 64 * 1024;
constexpr std::size_t gather_at_once = 64; // parts per system call
constexpr std::size_t file_at_once = 1024 * 1024;
constexpr std::size_t file_piece = 4 * tls_record_size; // read at once where a file has to be encrypted

// Takes `count` bytes off the front.
void consume(std::span<gatehouse_bytes>& parts, std::size_t count) {
    while (!parts.empty() && count >= parts.front().size) {
        count -= parts.front().size;
        parts = parts.subspan(1);
    }
    if (count > 0) {
        parts.front().data = static_cast<const char*>(parts.front().data) + count;
        parts.front().size -= count;
    }
}

// Copies the first of them into a record, as many as fit; returns the bytes.
std::size_t gather(std::span<const gatehouse_bytes> parts, std::span<char> record) noexcept {
    std::size_t size = 0;
    for (const gatehouse_bytes& part : parts) {
        const std::size_t some = std::min(part.size, record.size() - size);
        if (some > 0) std::memcpy(record.data() + size, part.data, some);
        size += some;
        if (size == record.size()) break;
    }
    return size;
}

} // namespace

Stream::Due Stream::due(Nanoseconds now, Nanoseconds timer) const noexcept {
    Due due =
        output_ ? Due{write_due_, rate_ ? Reason::too_slow : Reason::idle_timeout} : Due{plus(now, idle), Reason::idle_timeout};
    if (timer < due.when) due = {timer, Reason::deadline};
    if (lifetime < due.when) due = {lifetime, Reason::lifetime};
    if (rate_ && rate_->request_due < due.when) due = {rate_->request_due, Reason::too_slow};
    return due;
}

void Stream::pass_to(const Stream& client) noexcept {
    drain_ = client.drain_;
    idle = client.idle;
    lifetime = client.lifetime;
    plugin_deadline = never;
    farewell_ = write_due_ = 0;
    write_progress_ = 0;
    wanted = found = 0;
    sent_due = full = stopping_said = deadline_hit = deadline_passed = false;
}

// One-shot: the plugin may set another one and go on.
void Stream::pass_timer() noexcept {
    plugin_deadline = never;
    deadline_hit = true;
}

void Stream::expire(Reason cause) noexcept {
    if (cause == Reason::deadline) {
        pass_timer();
        deadline_passed = true;
        return;
    }
    if (!reason) reason = cause;
    if (farewell_ == 0) farewell_ = monotonic_now() + farewell_time;
}

gatehouse_status Stream::fail(int error) noexcept {
    broken = true;
    if (!reason)
        reason = error == tls_error ? Reason::tls_failed : error == cut_short ? Reason::peer_closed : Reason::peer_reset;
    return error == ENOMEM || error == ENOBUFS ? GATEHOUSE_EXHAUSTED : GATEHOUSE_RESET;
}

// Waits for `events` on the descriptor. Without `hear_drain` (writing, or a read after STOPPING was said) the drain is not
// reported, but its deadline still ends the wait.
gatehouse_status Stream::wait_for(short events, bool hear_drain) noexcept {
    watch.remove(fd); // or its events would wake threads for nothing
    const Reason stalled = rate_ ? Reason::too_slow : Reason::idle_timeout;
    Due begun = events == POLLIN ? due(monotonic_now()) : Due{write_due_, stalled}; // idle from here on
    const OnDrain on_drain = hear_drain && !stopping_said ? OnDrain::end : OnDrain::go_on;
    for (;;) {
        Due limit = begun;
        if (events != POLLIN && plugin_deadline < limit.when) limit = {plugin_deadline, Reason::deadline};
        if (events != POLLIN && lifetime < limit.when) limit = {lifetime, Reason::lifetime};
        const auto for_what = static_cast<short>(!tls ? events : tls->wants_write() ? POLLOUT : POLLIN);
        std::array<pollfd, 1> item{{{fd, for_what, 0}}};
        switch (wait(item, limit.when, *drain_, on_drain)) {
        case Waited::ready:
            return GATEHOUSE_OK;
        case Waited::failed:
            return fail(errno);
        case Waited::draining:
            stopping_said = true;
            if (!reason) reason = drain_->started() ? Reason::drained : Reason::ended;
            return GATEHOUSE_STOPPING;
        case Waited::rung: // not with OnRing::go_on
            continue;
        case Waited::timeout:
            break;
        }
        const Nanoseconds end = end_of_waits(*drain_);
        const bool drained = end < limit.when;
        if (!drained && limit.reason == Reason::too_slow && events == POLLOUT && renew_write(monotonic_now())) {
            begun.when = write_due_;
            continue;
        }
        if (drained || limit.reason != Reason::deadline) {
            expire(!drained ? limit.reason : end == drain_->deadline() ? Reason::drained : Reason::ended);
            return drained ? GATEHOUSE_RESET : GATEHOUSE_TIMEOUT;
        }
        pass_timer();
        return events == POLLIN ? GATEHOUSE_TIMER : GATEHOUSE_TIMEOUT;
    }
}

gatehouse_status Stream::read_there(void* buffer, std::size_t capacity, std::size_t& size) noexcept {
    if (read_end) return GATEHOUSE_END;
    if (drain_->started() && monotonic_now() >= drain_->deadline()) {
        expire(Reason::drained);
        return GATEHOUSE_RESET;
    }
    ssize_t count = 0;
    do {
        count = receive(buffer, capacity);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        size = static_cast<std::size_t>(count);
        count_in(size);
        emptied = tls ? tls->emptied() : size < capacity;
        if (rate_) count_request();
        deadline_hit = false;
        return GATEHOUSE_OK;
    }
    if (count == 0) {
        read_end = true;
        deadline_hit = false;
        return GATEHOUSE_END;
    }
    if (errno != EAGAIN) return fail(errno);
    emptied = true;
    return GATEHOUSE_AGAIN;
}

gatehouse_status Stream::read_now(void* buffer, std::size_t capacity, std::size_t& size) noexcept {
    if (capacity == 0 || pending) return GATEHOUSE_INVALID;
    if (const gatehouse_status status = read_there(buffer, capacity, size); status != GATEHOUSE_AGAIN) return status;
    if (deadline_passed) {
        deadline_passed = false;
        return GATEHOUSE_TIMER;
    }
    if (farewell_ != 0) return GATEHOUSE_TIMEOUT;
    if (stopping_said || !drain_->started()) return GATEHOUSE_AGAIN;
    stopping_said = true;
    if (!reason) reason = Reason::drained;
    return GATEHOUSE_STOPPING;
}

gatehouse_status Stream::read(void* buffer, std::size_t capacity, std::size_t& size) noexcept {
    for (;;) {
        const gatehouse_status status = read_now(buffer, capacity, size);
        if (status != GATEHOUSE_AGAIN) return status;
        if (const gatehouse_status waited = wait_for(POLLIN, true); waited != GATEHOUSE_OK) return waited;
    }
}

bool Stream::set_rate(std::uint64_t bytes_per_second, std::chrono::milliseconds window) noexcept {
    if (bytes_per_second == 0) return true;
    const std::uint64_t bytes = bytes_per_second * static_cast<std::uint64_t>(window.count()) / 1000;
    rate_.reset(new (std::nothrow) Rate{after(0, window), std::max<std::uint64_t>(bytes, 1)});
    return rate_ != nullptr;
}

// A request begins with the first bytes after an answer. Its time starts anew whenever the window's share of it has come.
void Stream::count_request() noexcept {
    if (rate_->request_due != never && bytes_in - rate_->request_mark < rate_->bytes) return;
    rate_->request_due = plus(coarse_now(), rate_->window);
    rate_->request_mark = bytes_in;
}

// How much of what was written has reached the peer. What a socket can buffer would be many seconds' worth at a low rate.
std::uint64_t Stream::taken() const noexcept { return taken_by_peer(fd, sent()); }

// Whether the peer has taken its share within the window; then the next one begins.
bool Stream::renew_write(Nanoseconds now) noexcept {
    if (farewell_ != 0 || taken() < rate_->write_mark + rate_->bytes) return false;
    write_due_ = plus(now, rate_->window);
    rate_->write_mark = taken();
    return true;
}

// A slow reader must take 64 KiB in each idle time, so that it cannot hold the thread by taking a byte now and then; or what
// the rate asks for, as often as wait() finds its time over.
void Stream::begin_write_time() noexcept {
    if (write_due_ != 0 && (rate_ || write_progress_ < write_progress_step)) return;
    write_due_ = farewell_ != 0 ? farewell_ : plus(monotonic_now(), rate_ ? rate_->window : idle);
    write_progress_ = 0;
    if (rate_) rate_->write_mark = taken();
}

gatehouse_status Stream::wait_writable() noexcept {
    begin_write_time();
    std::optional<Pool::BlockedWrite> write;
    if (is_client) write.emplace(fd, sent()); // what a plugin writes to a server of its own is its own affair
    gatehouse_status status = wait_for(POLLOUT, false);
    if (write) given_up_at = write->end().value_or(not_given_up);
    if (given_up_at != not_given_up) {
        expire(Reason::too_slow);
        reset_on_close(fd);
        status = GATEHOUSE_TIMEOUT;
    }
    if (status != GATEHOUSE_OK) broken = true;
    return status;
}

// Writes all, in one piece or, with TLS, a record at a time.
gatehouse_status Stream::write_all(const char* data, std::size_t size, int flags) noexcept {
    while (size > 0) {
        const ssize_t count = transmit(data, size, flags);
        if (count == 0) return fail(EPIPE); // no progress: to try it again would be to try it for ever
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) return fail(errno);
        if (count < 0) {
            if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
            continue;
        }
        const auto written = static_cast<std::size_t>(count);
        count_out(written);
        write_progress_ += written;
        data += written;
        size -= written;
    }
    return GATEHOUSE_OK;
}

// Small parts share a record: each costs a few tens of bytes, and an encryption.
gatehouse_status Stream::write_records(std::span<gatehouse_bytes> parts, int flags) noexcept {
    std::array<char, tls_record_size> record; // not initialised: filled as far as it is looked at
    for (consume(parts, 0); !parts.empty(); consume(parts, 0)) {
        const char* data = static_cast<const char*>(parts.front().data);
        std::size_t size = parts.front().size;
        if (size < record.size() && parts.size() > 1) {
            size = gather(parts, record);
            data = record.data();
        }
        consume(parts, size);
        if (const gatehouse_status status = write_all(data, size, parts.empty() ? flags : MSG_MORE); status != GATEHOUSE_OK)
            return status;
    }
    return GATEHOUSE_OK;
}

// As send(), without waiting and never with EINTR. For plain connections. At least one of the parts has a size.
ssize_t Stream::send_parts(std::span<gatehouse_bytes> parts, int flags) const noexcept {
    static_assert(sizeof(gatehouse_bytes) == sizeof(iovec) && offsetof(gatehouse_bytes, size) == offsetof(iovec, iov_len));
    ssize_t count = 0;
    do {
        if (parts.size() == 1) { // cheaper than the general form
            count = ::send(fd, parts.front().data, parts.front().size, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
        } else {
            msghdr message{};
            message.msg_iov = reinterpret_cast<iovec*>(parts.data());
            message.msg_iovlen = parts.size();
            count = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
        }
    } while (count < 0 && errno == EINTR);
    return count;
}

// Sends all parts, changing them as it goes.
gatehouse_status Stream::write_some(std::span<gatehouse_bytes> parts, int flags) noexcept {
    if (tls) return write_records(parts, flags);
    while (!parts.empty()) {
        if (parts.front().size == 0) {
            parts = parts.subspan(1);
            continue;
        }
        const ssize_t count = send_parts(parts, flags);
        if (count == 0) return fail(EPIPE);
        if (count < 0) {
            if (errno != EAGAIN) return fail(errno);
            if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
            continue;
        }
        const auto written = static_cast<std::size_t>(count);
        count_out(written);
        write_progress_ += written;
        consume(parts, written);
    }
    return GATEHOUSE_OK;
}

gatehouse_status Stream::write(std::span<const gatehouse_bytes> parts) noexcept { return send_file(parts, -1, 0, 0); }

// Begins a write: whether there may be one.
gatehouse_status Stream::may_write() noexcept {
    if (pending) return GATEHOUSE_INVALID;
    if (broken || is_finished()) return GATEHOUSE_RESET;
    if (drain_->started() && monotonic_now() >= drain_->deadline()) {
        expire(Reason::drained);
        broken = true;
        return GATEHOUSE_RESET;
    }
    request_complete();               // this is the answer
    if (output_) return GATEHOUSE_OK; // its time goes on
    // The time of a rate goes on from one write to the next while the peer has something left to take.
    if (!rate_ || farewell_ != 0 || (write_due_ != 0 && taken() == sent())) write_due_ = 0;
    return GATEHOUSE_OK;
}

// Waits until the kernel has all of the output.
gatehouse_status Stream::empty_output() noexcept {
    while (output_) {
        const Flushed flushed = flush();
        if (flushed == Flushed::broken) return GATEHOUSE_RESET;
        if (flushed != Flushed::held_up) continue;
        if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
    }
    return GATEHOUSE_OK;
}

// --- without waiting -----------------------------------------------------------------------------------------------------

Stream::Flushed Stream::flush() noexcept {
    if (!output_) return Flushed::all;
    const std::uint64_t before = bytes_out;
    const Outbox::Flow flow = output_->flush(*this);
    const int error = errno;
    write_progress_ += bytes_out - before;
    if (!rate_ && write_progress_ >= write_progress_step) begin_write_time();
    switch (flow) {
    case Outbox::Flow::held_up:
        full = true;
        return Flushed::held_up;
    case Outbox::Flow::more:
        return Flushed::more;
    case Outbox::Flow::broken:
        fail(error);
        drop_output();
        return Flushed::broken;
    case Outbox::Flow::short_file:
        if (!reason) reason = Reason::plugin_error;
        drop_output();
        return Flushed::broken;
    case Outbox::Flow::emptied:
        break;
    }
    if (output_->finish) {
        const std::optional<int> told = Channel::finish();
        if (!told) return full = true, Flushed::held_up;
        if (*told != 0) {
            fail(*told);
            drop_output();
            return Flushed::broken;
        }
    }
    sent_due = sent_due || output_->tell;
    output_.reset();
    write_due_ = 0;
    return Flushed::all;
}

void Stream::drop_output() noexcept {
    if (!output_) return;
    output_.reset();
    broken = true;
    reset_on_close(fd);
}

gatehouse_status Stream::write_now(std::span<const gatehouse_bytes> parts, std::size_t& written) noexcept {
    if (const gatehouse_status status = may_write(); status != GATEHOUSE_OK) return status;
    if (flush() == Flushed::broken) return GATEHOUSE_RESET;
    if (output_) return GATEHOUSE_AGAIN;
    std::size_t size = 0;
    const gatehouse_status status = put(parts, 0, size);
    if (status == GATEHOUSE_OK || (status == GATEHOUSE_AGAIN && size > 0)) written = size;
    return status == GATEHOUSE_AGAIN && size > 0 ? GATEHOUSE_OK : status;
}

gatehouse_status Stream::pass_on(std::span<const char> bytes) noexcept {
    if (const gatehouse_status status = may_write(); status != GATEHOUSE_OK) return status;
    const gatehouse_bytes part{bytes.data(), bytes.size()};
    std::size_t written = 0;
    const gatehouse_status status = put(std::span(&part, 1), 0, written);
    if (status != GATEHOUSE_OK && status != GATEHOUSE_AGAIN) return status;
    return hold_rest(std::span(&part, 1), written) ? GATEHOUSE_OK : GATEHOUSE_EXHAUSTED;
}

// Writes what the socket takes: all, or GATEHOUSE_AGAIN. `flags`: 0 or MSG_MORE, for the last byte.
gatehouse_status Stream::put(std::span<const gatehouse_bytes> parts, int flags, std::size_t& written) noexcept {
    while (!parts.empty()) {
        std::array<gatehouse_bytes, gather_at_once> some; // not initialised: only the copied ones are looked at
        const std::size_t count = std::min(parts.size(), some.size());
        std::copy_n(parts.begin(), count, some.begin());
        parts = parts.subspan(count);
        const std::span<gatehouse_bytes> left = std::span(some).first(count);
        const int more = parts.empty() ? flags : MSG_MORE;
        const gatehouse_status status = tls ? put_records(left, more, written) : put_parts(left, more, written);
        if (status == GATEHOUSE_AGAIN) full = true;
        if (status != GATEHOUSE_OK) return status;
    }
    return GATEHOUSE_OK;
}

gatehouse_status Stream::put_parts(std::span<gatehouse_bytes> parts, int flags, std::size_t& written) noexcept {
    for (consume(parts, 0); !parts.empty(); consume(parts, 0)) {
        const ssize_t count = send_parts(parts, flags);
        if (count == 0) return fail(EPIPE);
        if (count < 0) return errno == EAGAIN ? GATEHOUSE_AGAIN : fail(errno);
        const auto size = static_cast<std::size_t>(count);
        count_out(size);
        written += size;
        consume(parts, size);
    }
    return GATEHOUSE_OK;
}

// A record that has been begun has to be gone on with: it counts as written, and the host keeps it.
gatehouse_status Stream::put_records(std::span<gatehouse_bytes> parts, int flags, std::size_t& written) noexcept {
    std::array<char, tls_record_size> record; // not initialised: filled as far as it is looked at
    for (consume(parts, 0); !parts.empty(); consume(parts, 0)) {
        const std::size_t size = gather(parts, record);
        consume(parts, size);
        ssize_t count = 0;
        do {
            count = transmit(record.data(), size, parts.empty() ? flags : MSG_MORE);
        } while (count < 0 && errno == EINTR);
        if (count == 0 || (count < 0 && errno != EAGAIN)) return fail(count == 0 ? EPIPE : errno);
        const auto sent = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
        count_out(sent);
        written += size;
        if (sent == size) continue;
        const gatehouse_bytes rest{record.data() + sent, size - sent};
        return hold(std::span(&rest, 1), -1, 0, 0) ? GATEHOUSE_AGAIN : GATEHOUSE_EXHAUSTED;
    }
    return GATEHOUSE_OK;
}

// Keeps output for later. False: no memory, and the peer has got a part of it perhaps.
bool Stream::hold(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset, std::uint64_t length) noexcept {
    try {
        if (!output_) output_ = std::make_unique<Outbox>();
        output_->add(parts);
        output_->add_file(file, offset, length);
        begin_write_time();
        return true;
    } catch (const std::bad_alloc&) {
        broken = true;
        if (!reason) reason = Reason::host_out_of_memory;
        output_.reset();
        reset_on_close(fd);
        return false;
    }
}

// Keeps all but the first `written` bytes.
bool Stream::hold_rest(std::span<const gatehouse_bytes> parts, std::size_t written) noexcept {
    for (const gatehouse_bytes& part : parts) {
        const std::size_t skipped = std::min(written, part.size);
        written -= skipped;
        if (skipped == part.size) continue;
        const gatehouse_bytes rest{static_cast<const char*>(part.data) + skipped, part.size - skipped};
        if (!hold(std::span(&rest, 1), -1, 0, 0)) return false;
    }
    return true;
}

gatehouse_status Stream::send(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset, std::uint64_t length,
                              std::uint64_t& left) noexcept {
    std::size_t size = 0;
    for (const gatehouse_bytes& part : parts) {
        if (part.size > Outbox::most_copied - size) return GATEHOUSE_INVALID;
        size += part.size;
    }
    if (const gatehouse_status status = may_write(); status != GATEHOUSE_OK) return status;
    if (output_ && flush() == Flushed::broken) return GATEHOUSE_RESET;
    if (output_ && size > Outbox::most_copied - output_->copied()) return GATEHOUSE_AGAIN;
    if (!output_ && size > 0) { // most of it goes at once, as a rule, and is not copied
        std::size_t written = 0;
        const gatehouse_status status = put(parts, length > 0 ? MSG_MORE : 0, written);
        if (status != GATEHOUSE_OK && status != GATEHOUSE_AGAIN) return status;
        if (!hold_rest(parts, written)) return GATEHOUSE_EXHAUSTED;
    } else if (!hold(parts, -1, 0, 0)) {
        return GATEHOUSE_EXHAUSTED;
    }
    if (length > 0 && !hold({}, file, offset, length)) return GATEHOUSE_EXHAUSTED;
    if (flush() == Flushed::broken) return reason == Reason::plugin_error ? GATEHOUSE_FAILED : GATEHOUSE_RESET;
    left = output_ ? output_->left() : 0;
    if (!output_) return GATEHOUSE_OK;
    output_->tell = true;
    if (output_->keep_files()) return GATEHOUSE_OK;
    if (!reason) reason = Reason::host_out_of_fds;
    drop_output();
    return GATEHOUSE_EXHAUSTED;
}

gatehouse_status Stream::send_file(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset,
                                   std::uint64_t length) noexcept {
    if (const gatehouse_status status = may_write(); status != GATEHOUSE_OK) return status;
    if (const gatehouse_status status = empty_output(); status != GATEHOUSE_OK) return status;
    while (!parts.empty()) {
        std::array<gatehouse_bytes, gather_at_once> some; // not initialised: only the copied ones are looked at
        const std::size_t count = std::min(parts.size(), some.size());
        std::copy_n(parts.begin(), count, some.begin());
        parts = parts.subspan(count);
        const int more = length > 0 || !parts.empty() ? MSG_MORE : 0;
        if (const gatehouse_status status = write_some(std::span(some).first(count), more); status != GATEHOUSE_OK)
            return status;
    }
    if (tls && length > 0) return copy_file(file, offset, length);
    while (length > 0) {
        auto position = static_cast<off_t>(offset);
        const ssize_t count = ::sendfile(fd, file, &position, std::min<std::uint64_t>(length, file_at_once));
        if (count > 0) {
            const auto sent = static_cast<std::uint64_t>(count);
            count_out(sent);
            write_progress_ += sent;
            offset += sent;
            length -= sent;
        } else if (count == 0) {
            broken = true; // the file is shorter than was promised to the peer
            return GATEHOUSE_FAILED;
        } else if (errno == EAGAIN) {
            if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
        } else if (errno != EINTR) {
            return fail(errno);
        }
    }
    return GATEHOUSE_OK;
}

// For TLS: the bytes have to be encrypted, so they pass through a buffer of the host.
gatehouse_status Stream::copy_file(int file, std::uint64_t offset, std::uint64_t length) noexcept {
    const std::unique_ptr<char[]> buffer(new (std::nothrow) char[std::min<std::uint64_t>(length, file_piece)]);
    if (!buffer) {
        broken = true; // a part of what was promised may have been sent
        return GATEHOUSE_EXHAUSTED;
    }
    while (length > 0) {
        const ssize_t count =
            ::pread(file, buffer.get(), std::min<std::uint64_t>(length, file_piece), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            broken = true; // the file is shorter than was promised to the peer, or cannot be read
            return GATEHOUSE_FAILED;
        }
        const auto size = static_cast<std::size_t>(count);
        offset += size;
        length -= size;
        if (const gatehouse_status status = write_all(buffer.get(), size, length > 0 ? MSG_MORE : 0); status != GATEHOUSE_OK)
            return status;
    }
    return GATEHOUSE_OK;
}

gatehouse_status Stream::finish() noexcept {
    if (pending) return GATEHOUSE_INVALID;
    if (output_) {
        output_->finish = true;
        return GATEHOUSE_OK;
    }
    write_due_ = 0;
    for (;;) {
        if (const std::optional<int> error = Channel::finish()) return *error == 0 ? GATEHOUSE_OK : fail(*error);
        if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
    }
}

gatehouse_status Stream::set_deadline(std::uint64_t milliseconds) noexcept {
    deadline_passed = false;
    constexpr std::uint64_t most = static_cast<std::uint64_t>(never) / 4 / 1'000'000;
    plugin_deadline =
        milliseconds == 0 ? never : monotonic_now() + static_cast<Nanoseconds>(std::min(milliseconds, most)) * 1'000'000;
    return GATEHOUSE_OK;
}

} // namespace gatehouse::host
