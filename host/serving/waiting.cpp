// A rest that keeps its thread: what stands behind gatehouse_host.wait.
#include "serving/service.hpp"
#include "serving/watching.hpp"
#include "threads/wait.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {
namespace {

// Nothing more can come of it.
gatehouse_status gives_up(Connection& connection, Reason reason) noexcept {
    if (!connection.reason) connection.reason = reason;
    connection.broken = true;
    return GATEHOUSE_RESET;
}

} // namespace

// What other threads have told this connection. Nothing: there is no note.
std::optional<gatehouse_event> Service::take_notes(Connection& connection) noexcept {
    Life& life = connection.life;
    const bool stops = connection.owner.take(Owner::stop) || connection.drain().started();
    std::optional<gatehouse_event> told;
    if (connection.owner.take(Owner::woken)) told = GATEHOUSE_EVENT_WAKE;
    if (stops && !connection.stopping_said && !std::exchange(life.stop_told, true)) {
        if (!connection.reason) connection.reason = Reason::drained;
        if (told) life.serving.woken_later = true;
        told = GATEHOUSE_EVENT_STOPPING;
    } else if (connection.is_ordered()) {
        obey(connection); // to stop: it is the caller's still
        if (told) life.serving.woken_later = true;
        told = GATEHOUSE_EVENT_STOPPING;
    }
    if (!told) return told;
    life.serving.why = *told;
    return puts_off(connection) ? std::nullopt : told;
}

// A deadline has passed. Nothing: the wait goes on.
std::optional<gatehouse_status> Service::too_late(Connection& connection, Reason reason) noexcept {
    if (reason == Reason::upstream_failed) return std::nullopt; // of an attempt, which will find that out
    if (reason == Reason::tls_failed) return std::nullopt;      // and so will the handshake
    if (connection.holds_output() && (reason == Reason::idle_timeout || reason == Reason::too_slow)) {
        if (!connection.output_is_late(monotonic_now())) return std::nullopt;
        return gives_up(connection, reason);
    }
    if (connection.life.serving.carry) connection.life.serving.carry->give_up(GATEHOUSE_TIMEOUT);
    connection.expire(reason);
    connection.life.serving.why = reason == Reason::deadline ? GATEHOUSE_EVENT_TIMER : GATEHOUSE_EVENT_TIMEOUT;
    return GATEHOUSE_OK;
}

gatehouse_status Service::wait(Connection& connection, Nanoseconds until) noexcept {
    constexpr Nanoseconds look_interval = 100'000'000; // if there is no descriptor for a bell
    ServingLife& serving = connection.life.serving;
    const OwnDrain::Listening listening(&connection.own_drain); // then the notes are looked at
    connection.deadline_hit = connection.deadline_passed = false;
    forget_news(connection);
    if (connection.reads_upstreams()) connection.request_complete();
    Stream::Due due = connection.due(monotonic_now());
    for (bool look = false;; look = true) {
        const bool had_output = has_output(connection);
        const Stream::Flushed flushed = flush_all(connection);
        if (flushed == Stream::Flushed::broken) return gives_up(connection, Reason::peer_reset);
        const bool sent = take_sent(connection);
        const std::optional<gatehouse_event> news = find_news(connection, look);
        if (connection.is_ordered() && connection.order.load() != EndOrder::stop) return gives_up(connection, Reason::ended);
        std::optional<gatehouse_event> why = take_notes(connection);
        bool more = flushed == Stream::Flushed::more;
        if (connection.carries()) {
            const std::uint64_t moved = serving.carry->moved();
            const Carry::Flow flow = serving.carry->step();
            if (flow == Carry::Flow::over) why = GATEHOUSE_EVENT_RELAYED;
            more = more || flow == Carry::Flow::more;
            if (serving.carry->moved() != moved) due = connection.due(monotonic_now());
        } else if (!why) {
            bool attempted = step_attempts(connection);
            if (!attempted && connection.upgrades()) attempted = serving.upgrade->told = step_upgrade(connection);
            why = std::exchange(serving.stops_later, false)   ? std::optional(GATEHOUSE_EVENT_STOPPING)
                  : std::exchange(serving.woken_later, false) ? std::optional(GATEHOUSE_EVENT_WAKE)
                  : sent                                      ? std::optional(GATEHOUSE_EVENT_SENT)
                  : attempted                                 ? std::optional(GATEHOUSE_EVENT_READY)
                                                              : news;
        }
        if (sent && why != GATEHOUSE_EVENT_SENT) connection.sent_due = true; // it hears of that the next time
        if (why) {
            serving.why = *why;
            return GATEHOUSE_OK;
        }
        if (more) continue;
        if (had_output) due = connection.due(monotonic_now());

        std::array<pollfd, most_polled + 1> items; // not initialised: filled as far as it is looked at
        const std::size_t count = poll_items(connection, std::span(items).first<most_polled>());
        const Bell* const bell = listening.bell();
        items[count] = {bell != nullptr ? bell->descriptor() : -1, POLLIN, 0};
        const bool knows = connection.life.stop_told || connection.life.obeyed == EndOrder::stop;
        const Nanoseconds now = monotonic_now();
        const Nanoseconds slice = bell != nullptr ? never : now + look_interval;
        const Waited waited = host::wait(std::span(items).first(count + 1), std::min({until, due.when, slice}),
                                         connection.drain(), knows ? OnDrain::go_on : OnDrain::end);
        if (waited == Waited::failed) return GATEHOUSE_EXHAUSTED;
        if (waited == Waited::ready && items[count].revents != 0) bell->acknowledge();
        const bool is_gone = waited == Waited::ready && (items[0].revents & (POLLHUP | POLLERR)) != 0 &&
                             items[0].fd == connection.fd && (items[0].events & POLLIN) == 0;
        if (is_gone) return gives_up(connection, Reason::peer_reset);
        if (waited != Waited::timeout) continue;
        const Nanoseconds end = end_of_waits(connection.drain());
        const Nanoseconds over = monotonic_now();
        if (end <= over) return gives_up(connection, end == connection.drain().deadline() ? Reason::drained : Reason::ended);
        if (due.when <= over) {
            if (const std::optional<gatehouse_status> status = too_late(connection, due.reason)) return *status;
            due = connection.due(over);
        }
        if (until <= over) return GATEHOUSE_AGAIN;
    }
}

} // namespace gatehouse::host
