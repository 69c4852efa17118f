#include "listen/acceptor.hpp"

#include "base/check.hpp"
#include "base/limit_advice.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <system_error>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t listen_events = EPOLLIN | EPOLLONESHOT;
constexpr int accept_batch = 64;
constexpr Nanoseconds shortage_pause = 100'000'000;
constexpr Nanoseconds shortage_patience = 1'000'000'000;
constexpr Nanoseconds broken_pause = 1'000'000'000;

} // namespace

Acceptor::Acceptor(const Listener& listener, Pool& pool, std::uint64_t token, bool one_at_a_time, AcceptCounts& counts,
                   SpareDescriptor& spare, AcceptHooks hooks, std::string name, Alarm& alarm, Log& log)
    : listener_(listener), pool_(pool), token_(token), one_at_a_time_(one_at_a_time), counts_(counts), spare_(spare),
      hooks_(std::move(hooks)), name_(std::move(name)), alarm_(alarm), log_(log) {}

// --- states --------------------------------------------------------------------------------------------------------------

// The one place where the state changes. False: another thread was faster.
bool Acceptor::change(State from, State to) noexcept { return state_.compare_exchange_strong(from, to); }

// From a state in which the socket is not watched back to accepting.
bool Acceptor::leave(State from) noexcept {
    if (!change(from, State::accepting)) return false;
    watch();
    return true;
}

void Acceptor::watch() noexcept {
    // Without memory for the entry, the listener would be deaf for ever.
    if (!pool_.rearm(listener_.descriptor(), listen_events, token_)) pause(State::paused, monotonic_now() + shortage_pause);
}

bool Acceptor::pause(State state, Nanoseconds until) noexcept {
    paused_until_.store(until);
    if (!change(State::accepting, state)) return false;
    alarm_.wake_by(until);
    return true;
}

void Acceptor::prepare() {
    if (!pool_.watch(listener_.descriptor(), listen_events, token_))
        throw std::system_error(errno, std::generic_category(), "cannot watch listener " + name_);
}

void Acceptor::start() noexcept {
    const bool first = change(State::idle, State::accepting);
    GATEHOUSE_CHECK(first);
    watch(); // again: the event of a socket that did not listen yet may have come and gone
}

Nanoseconds Acceptor::supervise(Nanoseconds now) noexcept {
    const State state = state_.load();
    if (state != State::paused && state != State::short_of) return never;
    const Nanoseconds until = paused_until_.load();
    if (until > now) return until;
    leave(state);
    return never;
}

void Acceptor::stop() noexcept {
    if (state_.exchange(State::closed) != State::closed) pool_.forget(listener_.descriptor());
}

void Acceptor::reopen() {
    if (state_.load() != State::closed) return;
    prepare();
    state_.store(State::idle);
}

// At the limit the socket is left alone: newcomers stay in the accept queue until a connection ends.
bool Acceptor::is_full() noexcept {
    if (hooks_.has_room()) return false;
    if (!change(State::accepting, State::full)) return true; // closed
    // A connection may have ended in between, without having seen the state: then one of the two takes it back.
    return !hooks_.has_room() || !change(State::full, State::accepting);
}

// --- accepting -----------------------------------------------------------------------------------------------------------

void Acceptor::ready() noexcept {
    taking_.fetch_add(1);
    take_batch();
    taking_.fetch_sub(1);
}

void Acceptor::take_batch() noexcept {
    for (int i = 0; i < accept_batch; ++i) {
        if (state_.load() != State::accepting || is_full()) return;
        SocketAddress peer;
        const int fd = listener_.accept(peer);
        if (fd < 0) {
            if (errno == EAGAIN) break;
            if (failed(errno)) continue;
            return;
        }
        counts_.count_accepted();
        if (short_since_.load(std::memory_order_relaxed) != 0) {
            short_since_.store(0);
            log_.info("accepting again", {{"listener", name_}});
        }
        if (one_at_a_time_) watch();
        hooks_.welcome(fd, peer);
        if (one_at_a_time_) return;
    }
    if (state_.load() == State::accepting) watch();
}

void Acceptor::take_waiting(int most) noexcept {
    SocketAddress peer;
    for (int i = 0; i < most; ++i) {
        const int fd = listener_.accept(peer);
        if (fd < 0) break;
        counts_.count_accepted();
        hooks_.welcome(fd, peer);
    }
}

// True: go on with the next connection. False: the socket is watched again later, or never.
bool Acceptor::failed(int error) noexcept {
    counts_.count_error(error);
    switch (error) {
    case EMFILE:  // this process has too many descriptors
    case ENFILE:  // the machine has
    case ENOBUFS: // no memory for sockets
    case ENOMEM:
        out_of_resources(error);
        return false;
    case EINTR:
    case ECONNABORTED: // the client has gone already
    // Linux passes errors of the new connection on, and asks to treat them like EAGAIN (accept(2)).
    case EPROTO:
    case EPERM: // a firewall rule forbids it
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        if (pause(State::paused, monotonic_now() + broken_pause)) // not if the socket has been closed
            log_.error("accept failed; trying again in a second", {{"listener", name_}, {"error", std::strerror(error)}});
        return false;
    }
}

void Acceptor::out_of_resources(int error) noexcept {
    const Nanoseconds now = monotonic_now();
    if (Nanoseconds since = 0; short_since_.compare_exchange_strong(since, now)) {
        log_.error("cannot accept; newcomers wait",
                   {{"listener", name_}, {"error", std::strerror(error)}, {"advice", limit_advice(error)}});
    } else if (now - since >= shortage_patience) {
        spare_.lend([&]() noexcept {
            SocketAddress peer;
            const int fd = listener_.accept(peer);
            if (fd < 0) return;
            counts_.count_accepted();
            hooks_.refuse(fd, peer, error == EMFILE || error == ENFILE ? Reason::host_out_of_fds : Reason::host_out_of_memory);
        });
    }
    pause(State::short_of, now + shortage_pause);
}

} // namespace gatehouse::host
