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
constexpr std::size_t record_size = 16 * 1024;      // RFC 8446 5.1
constexpr std::size_t file_piece = 4 * record_size; // read at once where a file has to be encrypted

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

} // namespace

Stream::Due Stream::due(Nanoseconds now) const noexcept {
    Due due{plus(now, idle), Reason::idle_timeout};
    if (plugin_deadline < due.when) due = {plugin_deadline, Reason::deadline};
    if (lifetime < due.when) due = {lifetime, Reason::lifetime};
    if (rate_ && rate_->request_due < due.when) due = {rate_->request_due, Reason::too_slow};
    return due;
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
        const auto wanted = static_cast<short>(!tls ? events : tls->wants_write() ? POLLOUT : POLLIN);
        std::array<pollfd, 1> item{{{fd, wanted, 0}}};
        switch (wait(item, limit.when, *drain_, on_drain)) {
        case Waited::ready:
            return GATEHOUSE_OK;
        case Waited::failed:
            return fail(errno);
        case Waited::draining:
            stopping_said = true;
            if (!reason) reason = Reason::drained;
            return GATEHOUSE_STOPPING;
        case Waited::timeout:
            break;
        }
        const bool drained = drain_->deadline() < limit.when;
        if (!drained && limit.reason == Reason::too_slow && events == POLLOUT && renew_write(monotonic_now())) {
            begun.when = write_due_;
            continue;
        }
        if (drained || limit.reason != Reason::deadline) {
            expire(drained ? Reason::drained : limit.reason);
            return drained ? GATEHOUSE_RESET : GATEHOUSE_TIMEOUT;
        }
        pass_timer();
        return events == POLLIN ? GATEHOUSE_TIMER : GATEHOUSE_TIMEOUT;
    }
}

gatehouse_status Stream::read(void* buffer, std::size_t capacity, std::size_t& size) noexcept {
    if (capacity == 0) return GATEHOUSE_INVALID;
    if (read_end) return GATEHOUSE_END;
    for (;;) {
        if (drain_->started() && monotonic_now() >= drain_->deadline()) {
            expire(Reason::drained);
            return GATEHOUSE_RESET;
        }
        const ssize_t count = receive(buffer, capacity);
        if (count > 0) {
            size = static_cast<std::size_t>(count);
            bytes_in += size;
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
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail(errno);
        emptied = true;
        if (deadline_passed) {
            deadline_passed = false;
            return GATEHOUSE_TIMER;
        }
        if (farewell_ != 0) return GATEHOUSE_TIMEOUT;
        if (const gatehouse_status status = wait_for(POLLIN, true); status != GATEHOUSE_OK) return status;
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
gatehouse_status Stream::wait_writable() noexcept {
    if (write_due_ == 0 || (!rate_ && write_progress_ >= write_progress_step)) {
        write_due_ = farewell_ != 0 ? farewell_ : plus(monotonic_now(), rate_ ? rate_->window : idle);
        write_progress_ = 0;
        if (rate_) rate_->write_mark = taken();
    }
    std::optional<Pool::BlockedWrite> write;
    if (is_client) write.emplace(fd, sent()); // what a plugin writes to a server of its own is its own affair
    gatehouse_status status = wait_for(POLLOUT, false);
    if (write) given_up_at = write->end();
    if (given_up_at) {
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
        bytes_out += written;
        write_progress_ += written;
        data += written;
        size -= written;
    }
    return GATEHOUSE_OK;
}

// Small parts share a record: each costs a few tens of bytes, and an encryption.
gatehouse_status Stream::write_records(std::span<gatehouse_bytes> parts, int flags) noexcept {
    std::array<char, record_size> record; // not initialised: filled as far as it is looked at
    for (consume(parts, 0); !parts.empty(); consume(parts, 0)) {
        const char* data = static_cast<const char*>(parts.front().data);
        std::size_t size = parts.front().size;
        if (size < record.size() && parts.size() > 1) {
            size = 0;
            for (const gatehouse_bytes& part : parts) {
                const std::size_t some = std::min(part.size, record.size() - size);
                if (some > 0) std::memcpy(record.data() + size, part.data, some);
                size += some;
                if (size == record.size()) break;
            }
            data = record.data();
        }
        consume(parts, size);
        if (const gatehouse_status status = write_all(data, size, parts.empty() ? flags : MSG_MORE); status != GATEHOUSE_OK)
            return status;
    }
    return GATEHOUSE_OK;
}

// Sends all parts, changing them as it goes.
gatehouse_status Stream::write_some(std::span<gatehouse_bytes> parts, int flags) noexcept {
    if (tls) return write_records(parts, flags);
    static_assert(sizeof(gatehouse_bytes) == sizeof(iovec) && offsetof(gatehouse_bytes, size) == offsetof(iovec, iov_len));
    while (!parts.empty()) {
        if (parts.front().size == 0) {
            parts = parts.subspan(1);
            continue;
        }
        ssize_t count = 0;
        if (parts.size() == 1) { // cheaper than the general form
            count = ::send(fd, parts.front().data, parts.front().size, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
        } else {
            msghdr message{};
            message.msg_iov = reinterpret_cast<iovec*>(parts.data());
            message.msg_iovlen = parts.size();
            count = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
        }
        if (count == 0) return fail(EPIPE);
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return fail(errno);
            if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
            continue;
        }
        const auto written = static_cast<std::size_t>(count);
        bytes_out += written;
        write_progress_ += written;
        consume(parts, written);
    }
    return GATEHOUSE_OK;
}

gatehouse_status Stream::write(std::span<const gatehouse_bytes> parts) noexcept { return send_file(parts, -1, 0, 0); }

gatehouse_status Stream::send_file(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset,
                                   std::uint64_t length) noexcept {
    if (broken || finished) return GATEHOUSE_RESET;
    if (drain_->started() && monotonic_now() >= drain_->deadline()) {
        expire(Reason::drained);
        broken = true;
        return GATEHOUSE_RESET;
    }
    // The time of a rate goes on from one write to the next while the peer has something left to take.
    if (!rate_ || farewell_ != 0 || (write_due_ != 0 && taken() == sent())) write_due_ = 0;
    request_complete(); // this is the answer
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
            bytes_out += sent;
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
