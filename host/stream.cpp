#include "stream.hpp"

#include "connection.hpp"
#include "pool.hpp"
#include "service.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

using namespace gatehouse::host;

namespace {

constexpr Nanoseconds farewell_time = 1'000'000'000; // for a plugin's last words after a deadline
constexpr std::uint64_t write_progress_step = 64 * 1024;
constexpr std::size_t gather_at_once = 64; // parts per system call
constexpr std::size_t file_at_once = 1024 * 1024;

Nanoseconds plus(Nanoseconds time, Nanoseconds span) { return span >= never - time ? never : time + span; }

} // namespace

void gatehouse_conn::open(int descriptor) noexcept {
    Connection* const self = connection;
    *this = gatehouse_conn(*drain_);
    connection = self;
    fd = descriptor;
}

gatehouse_conn::Due gatehouse_conn::due(Nanoseconds now) const noexcept {
    Due due{plus(now, idle), Reason::idle_timeout};
    if (plugin_deadline < due.when) due = {plugin_deadline, Reason::deadline};
    if (lifetime < due.when) due = {lifetime, Reason::lifetime};
    if (request_due_ < due.when) due = {request_due_, Reason::too_slow};
    return due;
}

void gatehouse_conn::expire(Reason reason) noexcept {
    if (reason == Reason::deadline) { // one-shot: the plugin may set another one and go on
        plugin_deadline = never;
        deadline_passed = deadline_hit = true;
        return;
    }
    if (!ended) ended = reason;
    if (farewell_ == 0) farewell_ = monotonic_now() + farewell_time;
}

gatehouse_status gatehouse_conn::fail(int error) noexcept {
    broken = true;
    if (!ended) ended = Reason::peer_reset;
    return error == ENOMEM || error == ENOBUFS ? GATEHOUSE_EXHAUSTED : GATEHOUSE_RESET;
}

// Waits for `events` on the descriptor. Without `hear_drain` (writing, or a read after STOPPING was said) the drain is not
// reported, but its deadline still ends the wait.
gatehouse_status gatehouse_conn::wait(short events, bool hear_drain) noexcept {
    const Pool::Blocked blocked;
    if (connection != nullptr) connection->service.unwatch(*connection); // or its events would wake threads for nothing
    const bool hear = hear_drain && !stopping_said;
    const Reason stalled = rate_window_ != never ? Reason::too_slow : Reason::idle_timeout;
    Due begun = events == POLLIN ? due(monotonic_now()) : Due{write_due_, stalled}; // idle from here on
    for (;;) {
        const Nanoseconds now = monotonic_now();
        Due limit = begun;
        if (events != POLLIN && plugin_deadline < limit.when) limit = {plugin_deadline, Reason::deadline};
        if (events != POLLIN && lifetime < limit.when) limit = {lifetime, Reason::lifetime};
        if (drain_->deadline() < limit.when) limit = {drain_->deadline(), Reason::drained};
        if (limit.when <= now && limit.reason == Reason::too_slow && events == POLLOUT && renew_write(now)) {
            begun.when = write_due_;
            continue;
        }
        if (limit.when <= now) {
            expire(limit.reason);
            if (limit.reason != Reason::deadline) return limit.reason == Reason::drained ? GATEHOUSE_RESET : GATEHOUSE_TIMEOUT;
            deadline_passed = false;
            return GATEHOUSE_TIMEOUT;
        }
        // A drain that starts while this waits must be heard even when it is not reported: its deadline counts from then on.
        const bool listen = hear || !drain_->started();
        std::array<pollfd, 2> waiting{{{fd, events, 0}, {drain_->descriptor(), POLLIN, 0}}};
        timespec timeout{};
        if (limit.when != never) timeout = {(limit.when - now) / 1'000'000'000, (limit.when - now) % 1'000'000'000};
        const int ready = ::ppoll(waiting.data(), listen ? 2 : 1, limit.when == never ? nullptr : &timeout, nullptr);
        if (ready < 0 && errno != EINTR) return fail(errno);
        if (ready > 0 && waiting[0].revents != 0) return GATEHOUSE_OK;
        if (ready > 0 && hear) {
            stopping_said = true;
            if (!ended) ended = Reason::drained;
            return GATEHOUSE_STOPPING;
        }
    }
}

gatehouse_status gatehouse_conn::read(void* buffer, std::size_t capacity, std::size_t& size) noexcept {
    if (capacity == 0) return GATEHOUSE_INVALID;
    if (at_end) return GATEHOUSE_END;
    for (;;) {
        if (drain_->started() && monotonic_now() >= drain_->deadline()) {
            expire(Reason::drained);
            return GATEHOUSE_RESET;
        }
        const ssize_t count = ::recv(fd, buffer, capacity, MSG_DONTWAIT);
        if (count > 0) {
            size = static_cast<std::size_t>(count);
            bytes_in += size;
            emptied = size < capacity;
            if (rate_window_ != never) count_request();
            deadline_hit = false;
            return GATEHOUSE_OK;
        }
        if (count == 0) {
            at_end = true;
            return GATEHOUSE_END;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail(errno);
        emptied = true;
        if (deadline_passed) {
            deadline_passed = false;
            return GATEHOUSE_TIMEOUT;
        }
        if (farewell_ != 0) return GATEHOUSE_TIMEOUT;
        if (const gatehouse_status status = wait(POLLIN, true); status != GATEHOUSE_OK) return status;
    }
}

void gatehouse_conn::set_rate(std::uint64_t bytes_per_second, std::chrono::milliseconds window) noexcept {
    if (bytes_per_second == 0) return;
    rate_window_ = after(0, window);
    rate_bytes_ = std::max<std::uint64_t>(bytes_per_second * static_cast<std::uint64_t>(window.count()) / 1000, 1);
}

// A request begins with the first bytes after an answer. Its time starts anew whenever the window's share of it has come.
void gatehouse_conn::count_request() noexcept {
    if (request_due_ != never && bytes_in - request_mark_ < rate_bytes_) return;
    request_due_ = plus(coarse_now(), rate_window_);
    request_mark_ = bytes_in;
}

// How much of what was written has reached the peer. What a socket can buffer would be many seconds' worth at a low rate.
std::uint64_t gatehouse_conn::taken() const noexcept {
    int queued = 0;
    if (::ioctl(fd, SIOCOUTQ, &queued) != 0) return bytes_out;
    return bytes_out - std::min(bytes_out, static_cast<std::uint64_t>(queued));
}

// Whether the peer has taken its share within the window; then the next one begins.
bool gatehouse_conn::renew_write(Nanoseconds now) noexcept {
    if (farewell_ != 0 || taken() < write_mark_ + rate_bytes_) return false;
    write_due_ = plus(now, rate_window_);
    write_mark_ = taken();
    return true;
}

// A slow reader must take 64 KiB in each idle time, so that it cannot hold the thread by taking a byte now and then; or what
// the rate asks for, as often as wait() finds its time over.
gatehouse_status gatehouse_conn::wait_writable() noexcept {
    const bool rated = rate_window_ != never;
    if (write_due_ == 0 || (!rated && write_progress_ >= write_progress_step)) {
        write_due_ = farewell_ != 0 ? farewell_ : plus(monotonic_now(), rated ? rate_window_ : idle);
        write_progress_ = 0;
        if (rated) write_mark_ = taken();
    }
    const gatehouse_status status = wait(POLLOUT, false);
    if (status != GATEHOUSE_OK) broken = true;
    return status;
}

// Sends all parts, changing them as it goes.
gatehouse_status gatehouse_conn::write_some(std::span<gatehouse_bytes> parts, int flags) noexcept {
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
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return fail(errno);
            if (const gatehouse_status status = wait_writable(); status != GATEHOUSE_OK) return status;
            continue;
        }
        auto left = static_cast<std::size_t>(count);
        bytes_out += left;
        write_progress_ += left;
        while (!parts.empty() && left >= parts.front().size) {
            left -= parts.front().size;
            parts = parts.subspan(1);
        }
        if (left > 0) {
            parts.front().data = static_cast<const char*>(parts.front().data) + left;
            parts.front().size -= left;
        }
    }
    return GATEHOUSE_OK;
}

gatehouse_status gatehouse_conn::write(std::span<const gatehouse_bytes> parts) noexcept { return send_file(parts, -1, 0, 0); }

gatehouse_status gatehouse_conn::send_file(std::span<const gatehouse_bytes> parts, int file, std::uint64_t offset,
                                           std::uint64_t length) noexcept {
    if (broken || finished) return GATEHOUSE_RESET;
    if (drain_->started() && monotonic_now() >= drain_->deadline()) {
        expire(Reason::drained);
        broken = true;
        return GATEHOUSE_RESET;
    }
    // The time of a rate goes on from one write to the next while the peer has something left to take.
    if (rate_window_ == never || farewell_ != 0 || (write_due_ != 0 && taken() == bytes_out)) write_due_ = 0;
    request_complete(); // this is the answer
    while (!parts.empty()) {
        std::array<gatehouse_bytes, gather_at_once> some; // NOLINT(*-member-init): only the copied ones are looked at
        const std::size_t count = std::min(parts.size(), some.size());
        std::copy_n(parts.begin(), count, some.begin());
        parts = parts.subspan(count);
        const int more = length > 0 || !parts.empty() ? MSG_MORE : 0;
        if (const gatehouse_status status = write_some(std::span(some).first(count), more); status != GATEHOUSE_OK)
            return status;
    }
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

gatehouse_status gatehouse_conn::finish() noexcept {
    if (broken) return GATEHOUSE_RESET;
    if (finished) return GATEHOUSE_OK;
    finished = true;
    return ::shutdown(fd, SHUT_WR) == 0 ? GATEHOUSE_OK : fail(errno);
}

gatehouse_status gatehouse_conn::set_deadline(std::uint64_t milliseconds) noexcept {
    deadline_passed = false;
    constexpr std::uint64_t most = static_cast<std::uint64_t>(never) / 4 / 1'000'000;
    plugin_deadline =
        milliseconds == 0 ? never : monotonic_now() + static_cast<Nanoseconds>(std::min(milliseconds, most)) * 1'000'000;
    return GATEHOUSE_OK;
}
