// Running a connection as the host does: when serve() is called and why, what follows from its result, and the one reason that
// a connection ends with.
#ifndef GATEHOUSE_TESTING_RUN_HPP
#define GATEHOUSE_TESTING_RUN_HPP

#include "../gatehouse.h"
#include "host.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace gatehouse::testing::detail {

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
    for (const auto& upstream : client.upstreams) {
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
        plugin.closed(client.host->self, client.state, {reason.data(), reason.size()});
    client.closing = false;
    for (const auto& upstream : client.upstreams)
        if (!upstream->gone)
            client.host->violation("the upstream connection to " + upstream->record.address + " was never closed");
}

// Carries what is left of both scripts, as the relay engine does, and says how it ended.
inline std::string_view carry(Client& client) {
    Stream* const ends[2] = {&client, client.relay};
    std::string_view reason = "done";
    for (int from = 0; from < 2; ++from) {
        bool ended = ends[from]->implied_end || ends[from]->over == GATEHOUSE_END;
        for (const Step& step : ends[from]->incoming) {
            if (step.kind == Step::Kind::bytes && ends[1 - from]->write(step.bytes) != GATEHOUSE_OK)
                return from == 0 ? "upstream_reset" : "peer_reset";
            if (step.kind == Step::Kind::reset) return from == 0 ? "peer_reset" : "upstream_reset";
            if (step.kind == Step::Kind::timeout) reason = "idle_timeout";
            if (step.kind == Step::Kind::end) ended = true;
        }
        if (ended && reason == "done") ends[1 - from]->finished = true; // the half-close is passed on
        ends[from]->incoming.clear();
    }
    return reason;
}

// Why a connection ends that the plugin is done with.
inline std::string_view reason_of(const Client& client) {
    if (!client.ended.empty()) return client.ended;
    if (client.deadline_said) return "deadline";
    return client.over == GATEHOUSE_END ? "peer_closed" : "done";
}

// Calls serve() once and does what it asks for.
inline void serve(Client& client, gatehouse_event event) {
    Host& host = *client.host;
    const std::size_t reads = client.reads;
    client.opened = true;
    client.outcome.events.push_back(event);
    host.error.clear();
    client.serving = std::this_thread::get_id();
    const gatehouse_next next = host.plugin->serve(host.self, reinterpret_cast<gatehouse_conn*>(static_cast<Stream*>(&client)));
    client.serving.reset();
    client.outcome.next = next;
    client.outcome.error = host.error;

    if (client.relay != nullptr && next != GATEHOUSE_RELAY)
        host.violation("relay() was called, but serve() did not return GATEHOUSE_RELAY");
    switch (next) {
    case GATEHOUSE_PARK:
        if (client.write_failed || (!client.ended.empty() && client.ended != "drained"))
            return close(client, reason_of(client));
        if (client.arrived && client.reads == reads) {
            host.violation("serve() parked without reading what has arrived: the host would call it again at once, for ever");
            close(client, "plugin_error");
        }
        return;
    case GATEHOUSE_CLOSE:
        return close(client, reason_of(client));
    case GATEHOUSE_RELAY:
        if (client.relay != nullptr) return close(client, carry(client));
        host.violation("serve() returned GATEHOUSE_RELAY without relay()");
        return close(client, "plugin_error");
    case GATEHOUSE_NEXT_ERROR:
        return close(client, client.connect_failed ? "upstream_failed" : "plugin_error");
    case GATEHOUSE_NEXT_EXCEPTION:
        return close(client, "plugin_exception");
    default:
        host.violation("serve() returned " + std::to_string(next) + ", which is no gatehouse_next");
        return close(client, "plugin_error");
    }
}

// What happens next to a connection that no serve() runs for: the event to call it with, or nothing if it stays parked. A
// connection that has not been served yet and ends, is closed here.
inline std::optional<gatehouse_event> next_event(Client& client) {
    Host& host = *client.host;
    const bool server_first = (host.plugin->flags & GATEHOUSE_SERVER_FIRST) != 0;
    if (!client.opened && server_first) return GATEHOUSE_EVENT_OPEN;

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
    while (true) {
        if (client.incoming.empty() && client.implied_end && client.over == GATEHOUSE_OK)
            client.incoming.push_back(testing::end);
        if (client.incoming.empty()) return std::nullopt;
        const Step& step = client.incoming.front();
        if (step.kind == Step::Kind::end || step.kind == Step::Kind::reset || !step.bytes.empty()) {
            client.arrived = true;
            return client.opened ? GATEHOUSE_EVENT_DATA : GATEHOUSE_EVENT_OPEN;
        }
        const Step taken = step;
        client.incoming.pop_front();
        if (taken.kind == Step::Kind::wake && client.opened) return GATEHOUSE_EVENT_WAKE;
        if (taken.kind == Step::Kind::timeout) client.time_out();
        if (taken.kind == Step::Kind::timeout || (taken.kind == Step::Kind::pass && client.pass(taken.time)))
            return say(GATEHOUSE_TIMEOUT, GATEHOUSE_EVENT_TIMEOUT, "first_byte_timeout");
        if (taken.kind == Step::Kind::stopping) {
            host.begin_drain();
            client.drain_due = false;
            return say(GATEHOUSE_STOPPING, GATEHOUSE_EVENT_STOPPING, "drained");
        }
    }
}

inline constexpr int most_calls = 100'000; // of serve() in one run: more is a plugin that wakes itself for ever

inline void run(Client& client) {
    for (int calls = 0; client.open; ++calls) {
        const auto event = next_event(client);
        if (!event) return;
        serve(client, *event);
        if (calls < most_calls) continue;
        client.host->violation("serve() was called " + std::to_string(calls) + " times in a row: does it wake itself?");
        return close(client, "plugin_error");
    }
}

// Serves the connections that have something to hear which is not in their own scripts: a wake-up or the drain.
inline void settle(Host& host) {
    for (int rounds = 0; rounds < most_calls; ++rounds) {
        Client* due = nullptr;
        {
            const std::lock_guard lock(host.mutex);
            for (auto& client : host.clients)
                if (due == nullptr && client->open && (client->woken || client->drain_due)) due = client.get();
        }
        if (due == nullptr) return;
        run(*due);
    }
    host.violation("connections wake each other for ever");
}

} // namespace gatehouse::testing::detail

#endif
