// Runs a connection as the host does: when it calls serve() and why, what follows from the result, and the one reason for which
// the connection ends.
#ifndef GATEHOUSE_TESTING_RUN_HPP
#define GATEHOUSE_TESTING_RUN_HPP

#include "../gatehouse.h"
#include "host.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace gatehouse::kit::detail {

inline Client& open(Host& host, const Circumstances& circumstances) {
    auto client = std::make_unique<Client>();
    client->host = &host;
    client->client = client.get();
    client->circumstances = circumstances;
    const std::lock_guard lock(host.mutex);
    client->id = host.clients.size() + 1;
    return *host.clients.emplace_back(std::move(client));
}

inline Outcome outcome_of(const Client& client) {
    Outcome outcome = client.outcome;
    outcome.output = client.output;
    outcome.finished = client.finished;
    outcome.open = client.open;
    outcome.deadline = client.deadline;
    outcome.upstreams = client.kept;
    for (const auto& upstream : client.upstreams) {
        if (!upstream->record.connected) continue;
        UpstreamRecord& record = outcome.upstreams.emplace_back(upstream->record);
        record.received = upstream->output;
        record.finished = upstream->finished;
    }
    return outcome;
}

inline void close(Client& client, std::string_view reason) {
    {
        const std::lock_guard lock(client.host->mutex);
        if (!std::exchange(client.open, false)) return;
    }
    client.outcome.reason = reason;
    const gatehouse_plugin& plugin = *client.host->plugin;
    client.closing = true;
    if (client.opened && plugin.closed != nullptr)
        plugin.closed(client.host->self, client.id, client.state, {reason.data(), reason.size()});
    client.closing = false;
    for (const auto& upstream : client.upstreams)
        if (!upstream->gone)
            client.host->violation("the plugin has not closed the upstream connection to " + upstream->record.address);
}

// Carries the bytes of both scripts, as the relay engine does, and ends the connection when both sides have ended or one
// breaks.
inline void carry(Client& client) {
    Stream* const ends[2] = {&client, client.relay};
    for (int from = 0; from < 2; ++from) {
        Stream& side = *ends[from];
        Stream& other = *ends[1 - from];
        while (client.open && side.over == GATEHOUSE_OK) {
            if (side.incoming.empty() && side.implied_end) side.incoming.push_back(kit::end);
            if (side.incoming.empty()) break;
            const Step step = std::move(side.incoming.front());
            side.incoming.pop_front();
            if (step.kind == Step::Kind::bytes && !step.bytes.empty() && other.write(step.bytes) != GATEHOUSE_OK)
                close(client, from == 0 ? "upstream_reset" : "peer_reset");
            if (step.kind == Step::Kind::reset) close(client, from == 0 ? "peer_reset" : "upstream_reset");
            if (step.kind == Step::Kind::timeout) close(client, "idle_timeout");
            if (step.kind == Step::Kind::stopping) client.host->begin_drain(); // relays go on meanwhile
            if (step.kind != Step::Kind::end) continue;
            side.over = GATEHOUSE_END;
            other.finished = true; // the half-close is passed on
            if (client.relay_ended.empty()) client.relay_ended = from == 0 ? "peer_closed" : "upstream_closed";
        }
    }
    if (client.over == GATEHOUSE_END && client.relay->over == GATEHOUSE_END) close(client, client.relay_ended);
}

// Why a connection ends with which the plugin has finished.
inline std::string_view reason_of(const Client& client) {
    if (!client.ended.empty()) return client.ended;
    if (client.deadline_said) return "deadline";
    return client.over == GATEHOUSE_END ? "peer_closed" : "done";
}

inline std::size_t reads_of(const Client& client) {
    std::size_t reads = client.reads;
    for (const auto& upstream : client.upstreams) reads += upstream->reads;
    return reads;
}

// Whether a stream that is watched has something that has arrived.
inline bool unread(const Client& client) {
    bool any = client.arrived && (client.wanted & GATEHOUSE_READABLE) != 0 && !client.waiting;
    for (const auto& upstream : client.upstreams)
        any = any || (!upstream->gone && upstream->arrived && (upstream->wanted & GATEHOUSE_READABLE) != 0);
    return any;
}

// What brings a parked connection back besides its own script: an upstream, room, or what send() had left.
inline std::optional<gatehouse_event> find_news(Client& client) {
    const auto look = [](Stream& stream, std::uint32_t wanted) {
        stream.ready = 0;
        if ((wanted & GATEHOUSE_READABLE) != 0 && stream.has_input()) stream.ready |= GATEHOUSE_READABLE;
        if ((wanted & GATEHOUSE_WRITABLE) != 0) stream.ready |= GATEHOUSE_WRITABLE;
        return stream.ready != 0;
    };
    const bool room = look(client, client.waiting ? 0 : client.wanted & GATEHOUSE_WRITABLE);
    bool upstream = false;
    for (const auto& one : client.upstreams)
        if (!one->gone && !one->pending) upstream = look(*one, one->wanted) || upstream;
    bool sent = client.sent_due;
    for (const auto& one : client.upstreams) sent = std::exchange(one->sent_due, false) || sent;
    if (sent) return GATEHOUSE_EVENT_SENT;
    bool over = false;
    for (const auto& one : client.upstreams)
        if (!one->gone && one->attempt && !std::exchange(one->ready_said, true)) over = true;
    if (client.handshake && !std::exchange(client.ready_said, true)) over = true;
    if (over) return GATEHOUSE_EVENT_READY;
    if (room) return GATEHOUSE_EVENT_DATA;
    return upstream ? std::optional<gatehouse_event>(GATEHOUSE_EVENT_UPSTREAM) : std::nullopt;
}

// Carries what the script brings, as the host does: the event that ends it, or nothing if it goes on.
inline std::optional<gatehouse_event> carry_some(Client& client) {
    Carry& carry = *client.carry;
    Stream& from = *carry.from;
    const auto ends = [&](gatehouse_status status, Stream* failed) {
        carry.over = status;
        carry.failed = failed;
        return GATEHOUSE_EVENT_RELAYED;
    };
    while (true) {
        if (carry.to->write_failed) return ends(GATEHOUSE_RESET, carry.to);
        if (carry.left == 0) return ends(GATEHOUSE_OK, nullptr);
        if (carry.until_news && carry.to->has_input()) return ends(GATEHOUSE_AGAIN, nullptr);
        if (from.over != GATEHOUSE_OK) return ends(from.over, from.over == GATEHOUSE_END ? nullptr : &from);
        if (from.incoming.empty() && from.implied_end) from.incoming.push_back(kit::end);
        if (from.incoming.empty()) return std::nullopt;
        Step& step = from.incoming.front();
        if (step.kind == Step::Kind::bytes && !step.bytes.empty()) {
            const std::size_t size = std::min<std::uint64_t>(carry.left, step.bytes.size());
            const std::string bytes = step.bytes.substr(0, size);
            step.bytes.erase(0, size);
            from.arrived = !step.bytes.empty();
            if (!from.arrived) from.incoming.pop_front();
            carry.left -= size;
            carry.moved += size;
            static_cast<void>(carry.to->write(bytes));
            continue;
        }
        const Step next = std::move(step);
        from.incoming.pop_front();
        from.arrived = false;
        if (next.kind == Step::Kind::end) from.over = GATEHOUSE_END;
        if (next.kind == Step::Kind::reset) from.over = from.say(GATEHOUSE_RESET);
        if (next.kind == Step::Kind::stopping) client.host->begin_drain();
        if (next.kind == Step::Kind::wake) client.host->wake(client);
        if (next.kind == Step::Kind::pass) from.pass(next.time);
        if (next.kind != Step::Kind::timeout) continue;
        carry.over = GATEHOUSE_TIMEOUT;
        client.due = client.say(GATEHOUSE_TIMEOUT);
        return GATEHOUSE_EVENT_TIMEOUT;
    }
}

// Whether it can only end, but has time for that.
inline bool gives_time(const Client& client) { return client.ended == "drained" || client.ended == "ended"; }

// Calls serve() once and does what it asks for.
inline void serve(Client& client, gatehouse_event event) {
    Host& host = *client.host;
    const std::size_t reads = reads_of(client);
    client.opened = true;
    client.sent_due = client.sent_due && event != GATEHOUSE_EVENT_SENT;
    client.taken = 0;
    for (const auto& upstream : client.upstreams) upstream->taken = 0;
    client.outcome.events.push_back(event);
    client.outcome.error.clear();
    // Any thread may serve a connection: here each time another one does, so that a plugin which keeps something with a thread
    // fails its test. After a thousand calls that has been seen, and threads cost time.
    gatehouse_next next = GATEHOUSE_NEXT_ERROR;
    const auto call = [&] {
        client.serving = std::this_thread::get_id();
        next = host.plugin->serve(host.self, reinterpret_cast<gatehouse_conn*>(static_cast<Stream*>(&client)));
        client.serving.reset();
    };
    if (host.calls++ < 1000)
        std::thread(call).join();
    else
        call();
    client.outcome.next = next;
    client.waiting = next == GATEHOUSE_NEXT_WAIT;
    if (client.waiting || next == GATEHOUSE_NEXT_PARK) {
        client.deadline_said = false;
        if (client.due == GATEHOUSE_TIMER) client.due = GATEHOUSE_OK;
    }

    if (client.relay != nullptr && next != GATEHOUSE_NEXT_RELAY)
        host.violation("relay() was called, but serve() did not return GATEHOUSE_NEXT_RELAY");
    switch (next) {
    case GATEHOUSE_NEXT_PARK:
        if (client.write_failed || (!client.ended.empty() && !gives_time(client))) return close(client, reason_of(client));
        if (!client.carry && (event == GATEHOUSE_EVENT_DATA || event == GATEHOUSE_EVENT_UPSTREAM) &&
            reads_of(client) == reads && unread(client)) {
            host.violation("serve() parked without reading what has arrived: the host would call it again at once, for ever");
            close(client, "plugin_error");
        }
        return;
    case GATEHOUSE_NEXT_WAIT:
        if (client.write_failed || (!client.ended.empty() && !gives_time(client))) close(client, reason_of(client));
        return;
    case GATEHOUSE_NEXT_CLOSE:
        return close(client, reason_of(client));
    case GATEHOUSE_NEXT_UPSTREAM:
        return close(client, "upstream_failed");
    case GATEHOUSE_NEXT_RELAY:
        if (client.pending)
            host.violation("serve() returned GATEHOUSE_NEXT_RELAY while accept_tls() is not over, or has failed");
        if (client.relay != nullptr) {
            client.relaying = true;
            return carry(client);
        }
        host.violation("serve() returned GATEHOUSE_NEXT_RELAY without relay()");
        return close(client, "plugin_error");
    case GATEHOUSE_NEXT_ERROR:
        return close(client, client.connect_failed ? "upstream_failed" : "plugin_error");
    case GATEHOUSE_NEXT_EXCEPTION:
        return close(client, "plugin_exception");
    default:
        host.violation("serve() returned " + std::to_string(next) + ", which is not a gatehouse_next");
        return close(client, "plugin_error");
    }
}

// What happens next to a connection that serve() does not run for: the event with which to call serve(), or nothing if the
// connection stays parked. Closes a connection that ends before its first serve().
inline std::optional<gatehouse_event> next_event(Client& client) {
    Host& host = *client.host;
    const bool server_first = (host.plugin->flags & GATEHOUSE_SERVER_FIRST) != 0;
    if (!client.opened && server_first) return GATEHOUSE_EVENT_OPEN;
    if (client.carry && !client.carry->over) return carry_some(client);

    const auto say = [&client](gatehouse_status status, gatehouse_event event,
                               std::string_view unserved) -> std::optional<gatehouse_event> {
        client.due = client.say(status);
        if (client.opened) return event;
        close(client, unserved);
        return std::nullopt;
    };
    {
        const std::lock_guard lock(host.mutex);
        if (std::exchange(client.woken, false) && client.opened) return GATEHOUSE_EVENT_WAKE;
    }
    if (std::exchange(client.drain_due, false)) return say(GATEHOUSE_STOPPING, GATEHOUSE_EVENT_STOPPING, "drained");
    if (client.opened)
        if (const auto event = find_news(client)) return event;
    const bool hears = !client.waiting && (!client.opened || (client.wanted & GATEHOUSE_READABLE) != 0);
    while (true) {
        if (client.incoming.empty() && client.implied_end && client.over == GATEHOUSE_OK) client.incoming.push_back(kit::end);
        auto step = client.incoming.begin();
        if (!hears) // the bytes stay unread
            step = std::ranges::find_if(client.incoming, [](const Step& next) {
                return next.kind != Step::Kind::bytes && next.kind != Step::Kind::end;
            });
        if (step == client.incoming.end()) return std::nullopt;
        if (!hears && step->kind == Step::Kind::reset) {
            close(client, "peer_reset");
            return std::nullopt;
        }
        if (step->kind == Step::Kind::end || step->kind == Step::Kind::reset || !step->bytes.empty()) {
            client.arrived = true;
            client.ready |= GATEHOUSE_READABLE;
            return client.opened ? GATEHOUSE_EVENT_DATA : GATEHOUSE_EVENT_OPEN;
        }
        const Step taken = *step;
        client.incoming.erase(step);
        if (taken.kind == Step::Kind::wake && client.opened) return GATEHOUSE_EVENT_WAKE;
        if (taken.kind == Step::Kind::timeout) client.time_out();
        if (taken.kind == Step::Kind::timeout || (taken.kind == Step::Kind::pass && client.pass(taken.time)))
            return client.due == GATEHOUSE_TIMER ? say(GATEHOUSE_TIMER, GATEHOUSE_EVENT_TIMER, "first_byte_timeout")
                                                 : say(GATEHOUSE_TIMEOUT, GATEHOUSE_EVENT_TIMEOUT, "first_byte_timeout");
        if (taken.kind == Step::Kind::stopping) {
            host.begin_drain();
            client.drain_due = false;
            return say(GATEHOUSE_STOPPING, GATEHOUSE_EVENT_STOPPING, "drained");
        }
    }
}

inline constexpr int most_calls = 100'000; // of serve() in one run: with more, the plugin wakes itself for ever

// An order to end: true if it has ended. With GATEHOUSE_HOW_STOP it is served once more, and hears of it.
inline bool obey(Client& client) {
    std::optional<gatehouse_how> order;
    {
        const std::lock_guard lock(client.host->mutex);
        order = std::exchange(client.order, std::nullopt);
    }
    if (!order || !client.open) return !client.open;
    if (*order == GATEHOUSE_HOW_STOP && client.opened && !client.relaying) {
        if (client.ended.empty()) client.ended = "ended";
        client.due = client.say(GATEHOUSE_STOPPING);
        serve(client, GATEHOUSE_EVENT_STOPPING);
        return !client.open;
    }
    close(client, client.ended.empty() ? "ended" : client.ended);
    return true;
}

inline void run(Client& client) {
    if (obey(client)) return;
    if (client.relaying) {
        const std::unique_lock lock(client.host->mutex);
        client.woken = client.drain_due = false; // neither reaches a relayed connection
    }
    if (client.relaying) return carry(client);
    for (int calls = 0; client.open && !client.relaying; ++calls) {
        const auto event = next_event(client);
        if (!event) return;
        serve(client, *event);
        if (calls < most_calls) continue;
        client.host->violation("serve() was called " + std::to_string(calls) + " times in a row: does it wake itself?");
        return close(client, "plugin_error");
    }
}

// Serves the connections for which there is something outside of their own scripts: a wake-up, the drain, or a cut.
inline void settle(Host& host) {
    for (int rounds = 0; rounds < most_calls; ++rounds) {
        Client* due = nullptr;
        {
            const std::lock_guard lock(host.mutex);
            for (auto& client : host.clients)
                if (due == nullptr && client->open && (client->woken || client->drain_due || client->order)) due = client.get();
        }
        if (due == nullptr) return;
        run(*due);
    }
    host.violation("connections wake each other for ever");
}

} // namespace gatehouse::kit::detail

#endif
