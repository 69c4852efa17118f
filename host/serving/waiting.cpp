// A rest that keeps its thread: what stands behind gatehouse_host.wait.
#include "serving/ending.hpp"
#include "serving/service.hpp"
#include "serving/watching.hpp"
#include "threads/wait.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gatehouse::host {
namespace {

// Nothing more can come of it.
gatehouse_status gives_up(Connection& connection, Reason reason) noexcept {
    if (!connection.reason) connection.reason = reason;
    connection.broken = true;
    return GATEHOUSE_RESET;
}

// Whether the kernel has reported a reset of a client whose bytes are not waited for.
bool tells_of_reset(const pollfd& item, const Connection& connection) noexcept {
    return item.fd == connection.fd && (item.events & POLLIN) == 0 && (item.revents & (POLLHUP | POLLERR)) != 0;
}

} // namespace

// What other threads have told this connection, but for an order that ends it. Nothing: there is no note, or it is for later.
std::optional<gatehouse_event> Service::hear_notes(Connection& connection) noexcept {
    ServingLife& serving = connection.life.serving;
    const bool woken = connection.owner.take(Owner::woken);
    const bool drains = connection.owner.take(Owner::stop) || connection.drain().started();
    const bool is_stopped = connection.is_ordered() && connection.order.load() == EndOrder::stop;
    if (drains && !connection.stopping_said && !std::exchange(connection.life.stop_told, true)) {
        if (!connection.reason) connection.reason = Reason::drained;
        serving.why = GATEHOUSE_EVENT_STOPPING;
    } else if (is_stopped) {
        hear_stop(connection);
    } else if (woken) {
        serving.why = GATEHOUSE_EVENT_WAKE;
    } else {
        return std::nullopt;
    }
    const gatehouse_event heard = serving.why;
    if (woken && heard != GATEHOUSE_EVENT_WAKE) serving.woken_later = true;
    return puts_off(connection) ? std::nullopt : std::optional(heard);
}

gatehouse_status Service::wait(Connection& connection, Nanoseconds until) noexcept {
    ServingLife& serving = connection.life.serving;
    if (connection.broken || connection.upgrade_failed() || ends_at_once(connection)) return GATEHOUSE_RESET;
    const OwnDrain::Listening listening(&connection.own_drain); // then the notes are looked at
    serving.deaf = false;                                       // what it is to hear is what it watches
    connection.deadline_hit = connection.deadline_passed = false;
    forget_news(connection);
    if (connection.reads_upstreams()) connection.request_complete();
    Stream::Due due = connection.due(monotonic_now());
    for (bool look = until <= monotonic_now();; look = true) {
        const bool had_output = has_output(connection);
        const Stream::Flushed flushed = flush_all(connection);
        if (flushed == Stream::Flushed::broken) return gives_up(connection, Reason::peer_reset);
        const bool sent = take_sent(connection);
        if (connection.is_ordered() && connection.order.load() != EndOrder::stop) return gives_up(connection, Reason::ended);
        bool goes_on = flushed == Stream::Flushed::more;
        bool moved = had_output;
        std::optional<gatehouse_event> why = hear_notes(connection);
        if (why) {
            find_news(connection, true); // for news()
            connection.sent_due = sent;
        } else if (connection.carries()) {
            Carry& carry = *serving.carry;
            connection.sent_due = sent; // told when that is over
            const std::uint64_t before = carry.moved();
            find_news(connection, look);
            const Carry::Flow flow = carry.step();
            if (flow == Carry::Flow::over) why = GATEHOUSE_EVENT_RELAYED;
            goes_on = goes_on || flow == Carry::Flow::more;
            moved = moved || carry.moved() != before;
        } else {
            why = next_event(connection, look, sent);
        }
        if (why) {
            serving.why = *why;
            return GATEHOUSE_OK;
        }

        const Nanoseconds now = monotonic_now();
        const Nanoseconds end = end_of_waits(connection.drain());
        if (end <= now) return gives_up(connection, end == connection.drain().deadline() ? Reason::drained : Reason::ended);
        if (moved) due = connection.due(now);
        if (due.when <= now) {
            const Reason reason = due.reason;
            const Passed passed = pass_deadline(connection, reason, now);
            if (passed == Passed::ends) return gives_up(connection, reason);
            if (passed == Passed::told) return GATEHOUSE_OK;
            due = connection.due(now);
        }
        if (until <= now) return GATEHOUSE_AGAIN;
        if (goes_on) continue;

        std::array<pollfd, most_polled> items; // not initialised: filled as far as it is looked at
        const std::optional<std::size_t> count = poll_items(connection, items);
        if (!count) return GATEHOUSE_EXHAUSTED;
        const bool knows = connection.stopping_said || connection.life.stop_told || connection.life.obeyed == EndOrder::stop;
        const Waited waited = host::wait(std::span(items).first(*count), std::min(until, due.when), connection.drain(),
                                         knows ? OnDrain::go_on : OnDrain::end, OnRing::end);
        if (waited == Waited::failed) return GATEHOUSE_EXHAUSTED;
        if (waited == Waited::ready && tells_of_reset(items[0], connection)) return gives_up(connection, Reason::peer_reset);
    }
}

} // namespace gatehouse::host
