#include "serving/parking.hpp"

#include "base/atomic_min.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::host {

// The thread that gets an event while the owner is at work leaves a note. The owner may have read those bytes since then, so it
// sets the epoll entry again: the kernel then reports what is really there. Where bytes are left unread, the kernel reports
// more of them only once, so the note itself is the news.
Rest Parking::rest(Connection& connection, Interest wanted, Unread unread, Stream::Due until) noexcept {
    Owner& owner = connection.owner;
    Life& life = connection.life;
    bool needs_setting = connection.watch.interest() != wanted || connection.watch.once() ||
                         (unread == Unread::taken && (!connection.emptied || !connection.short_read_is_all()));
    bool set = false;
    for (;;) {
        // The note may come after the drain has been seen by itself. It must go all the same, or this would never end.
        const bool stop = owner.take(Owner::stop) || connection.drain().started();
        if (stop && !connection.stopping_said && !std::exchange(life.stop_told, true)) return Rest::stopping;
        if (connection.is_ordered()) return Rest::ordered;
        if (owner.noted(Owner::woken)) {
            // A connection that is woken all the time must hear of its bytes as well.
            if (unread == Unread::taken && wanted != Interest::reset && life.serving.why == GATEHOUSE_EVENT_WAKE &&
                connection.has_news()) {
                connection.emptied = false;
                return Rest::data;
            }
            owner.take(Owner::woken);
            return Rest::woken;
        }
        if (owner.take(Owner::event)) {
            if (unread == Unread::left) return Rest::data;
            if (wanted == Interest::reset && connection.is_gone()) return Rest::reset;
            if (set && wanted != Interest::reset) { // another thread got the event, or an older one late
                connection.hear_again();
                const bool urgent = !connection.tls && connection.stops_short; // only a read lets go of that
                if (urgent || connection.has_news()) {
                    connection.emptied = false;
                    return Rest::data;
                }
                set = false; // the event is spent: the kernel is asked once more
            }
            needs_setting = true;
            if (wanted == Interest::bytes) { // without this, every segment would wake a thread in vain
                life.serving.sends_early = true;
                wanted = Interest::bytes_once;
            }
        }
        if (needs_setting && !set) {
            if (!connection.watch.set(connection.fd, connection.id, wanted)) return Rest::no_memory;
            set = true;
            if (unread == Unread::taken) connection.hangup = connection.stops_short = false;
        }
        connection.parked_until.store(until.when, std::memory_order_relaxed);
        life.parked_reason = until.reason;
        if (owner.rest()) {
            sweep_by(until.when);
            return Rest::resting;
        }
    }
}

void Parking::sweep_by(Nanoseconds when) noexcept {
    if (lower(next_sweep_, when)) alarm_.wake_by(when);
}

} // namespace gatehouse::host
