#include "relay/mover.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr int reads_at_once = 16; // then the other pairs have their turn
constexpr std::uint8_t full_reads = 3;
constexpr std::size_t small = 16 * 1024;
constexpr std::uint8_t small_reads = 8;

ssize_t splice_some(int from, int to, std::size_t size) noexcept {
    ssize_t count = 0;
    do {
        count = ::splice(from, nullptr, to, nullptr, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    } while (count < 0 && errno == EINTR);
    return count;
}

// How much the kernel queues for a peer that cannot be sent yet. By default that is megabytes, which have left the caches by
// the time that they are sent; with splice nothing touches them in between.
void limit_unsent(const RelaySide& side) noexcept {
    constexpr int most_unsent = 1024 * 1024;
    ::setsockopt(side.channel->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent, sizeof most_unsent); // fails on unix sockets
}

// Errors of splice() that are no fault of the connection: the kernel or the socket cannot, or there is no memory.
bool cannot_splice(int error) noexcept { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ENOMEM; }

// As long as no other thread adds: cheaper than fetch_add().
void add(std::atomic<std::uint64_t>& sum, std::size_t size) noexcept {
    sum.store(sum.load(std::memory_order_relaxed) + size, std::memory_order_relaxed);
}

// Takes note of a read of this size, after which the direction may go the other way.
void judge(RelaySide& from, const RelaySide& to, std::size_t size) noexcept {
    const bool speaks_for_the_other = from.splicing ? size < small : size == RelayMover::copied_at_once && from.can_splice;
    from.streak = speaks_for_the_other ? static_cast<std::uint8_t>(from.streak + 1) : std::uint8_t{0};
    if (from.streak < (from.splicing ? small_reads : full_reads)) return;
    from.streak = 0;
    from.splicing = !from.splicing;
    if (from.splicing) limit_unsent(to);
}

} // namespace

RelayMover::Flow RelayMover::move(RelaySide& from, RelaySide& to) noexcept {
    if (to.held_up()) return Flow::held_up;
    for (int i = 0; i < reads_at_once; ++i) {
        std::unique_ptr<Pipe> pipe = from.splicing ? pipes_.take() : nullptr;
        const Flow flow = pipe ? splice(from, to, std::move(pipe)) : copy(from, to);
        if (flow != Flow::more) return flow;
    }
    return Flow::more;
}

RelayMover::Flow RelayMover::copy(RelaySide& from, RelaySide& to) noexcept {
    const ssize_t count = receive(from, buffer_);
    if (count < 0) return errno == EAGAIN ? Flow::emptied : Flow::from_broken;
    if (count == 0) return Flow::ended;
    const auto size = static_cast<std::size_t>(count);
    add(copied_, size);
    judge(from, to, size);
    if (!deliver(to, std::span(buffer_).first(size))) return Flow::to_broken;
    if (to.held_up()) return Flow::held_up;
    return size < buffer_.size() && from.channel->short_read_is_all() ? Flow::emptied : Flow::more;
}

RelayMover::Flow RelayMover::splice(RelaySide& from, RelaySide& to, std::unique_ptr<Pipe> pipe) noexcept {
    const ssize_t count = splice_some(from.channel->fd, pipe->in.get(), spliced_at_once);
    if (count <= 0) {
        const int error = count < 0 ? errno : EAGAIN;
        pipes_.give_back(std::move(pipe));
        if (error != EAGAIN && !cannot_splice(error)) return Flow::from_broken; // said once only: recv would say the end
        if (error != EAGAIN) from.splicing = from.can_splice = false;
        return copy(from, to); // at urgent data splice says EAGAIN or even the end, though bytes are there: recv knows
    }
    const auto size = static_cast<std::size_t>(count);
    from.channel->count_in(size);
    add(spliced_, size);
    pipe->held = size;
    judge(from, to, size);
    to.pipe = std::move(pipe);
    check_kept(to);
    const Flow flow = flush(to);
    return flow == Flow::emptied ? Flow::more : flow;
}

RelayMover::Flow RelayMover::flush(RelaySide& to) noexcept {
    while (to.kept && to.kept->begin < to.kept->end) {
        RelaySide::Kept& kept = *to.kept;
        const ssize_t sent = send(to, {kept.bytes.get() + kept.begin, kept.end - kept.begin});
        if (sent <= 0) return sent < 0 && errno == EAGAIN ? Flow::held_up : Flow::to_broken;
        kept.begin += static_cast<std::uint32_t>(sent);
    }
    to.kept.reset();
    while (to.pipe && to.pipe->held > 0) {
        const ssize_t sent = splice_some(to.pipe->out.get(), to.channel->fd, to.pipe->held);
        if (sent <= 0) return sent < 0 && errno == EAGAIN ? Flow::held_up : Flow::to_broken;
        to.pipe->held -= static_cast<std::size_t>(sent);
        to.channel->count_out(static_cast<std::size_t>(sent));
    }
    if (to.pipe) pipes_.give_back(std::move(to.pipe));
    return Flow::emptied;
}

void RelayMover::discard(RelaySide& to) noexcept {
    to.kept.reset();
    if (to.pipe) pipes_.give_back(std::move(to.pipe));
}

} // namespace gatehouse::host
