// The fake host behind <gatehouse/testing.hpp>: scripted streams, and the functions of gatehouse_host over them. Every function
// checks that the plugin calls it as gatehouse.h says, and records a violation if not.
#ifndef GATEHOUSE_TESTING_HOST_HPP
#define GATEHOUSE_TESTING_HOST_HPP

#include "../ext/host.h"
#include "../ext/pool.h"
#include "../gatehouse.h"
#include "config.hpp"
#include "script.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace gatehouse::kit {

struct LogLine {
    gatehouse_level level;
    std::string text;
    std::uint64_t connection = 0; // the id of the one that it is about; 0: none
    std::map<std::string, ValueRecord, std::less<>> fields;
};

// A server for one connection that is more than a script.
struct ServerSide {
    Script greeting;                                      // what it does before it has received anything
    std::function<Script(std::string_view bytes)> answer; // when it has received something
    std::function<Script()> finished;                     // when the plugin has finished sending
};

// What connect() to an address finds: a server that follows a script, or a failure.
struct UpstreamScript {
    gatehouse_status status = GATEHOUSE_OK;
    Script script;
    gatehouse_status tls = GATEHOUSE_OK; // what start_tls() returns
    std::string tls_problem;
    std::function<Script(std::string_view bytes)> answer; // what the server does when it has received something
    std::function<ServerSide()> accept{};                 // makes one for each connection
    bool takes_time = false;                              // connect_now() and start_tls_now() do not know at once
};

namespace detail {

// What gatehouse.host/1 shows.
struct FakeTable {
    struct Column {
        std::string name;
        gatehouse_type type;
        std::string unit;
    };
    std::vector<Column> columns;
    std::vector<std::vector<ValueRecord>> rows;
};

struct Client;
struct Upstream;
struct FakeCheck;
struct FakeMetric;
struct FakePoll;
struct FakeTimer;
struct FakeWatch;

// What all connections of one plugin instance share. The plugin knows it as a gatehouse_instance*.
struct Host {
    const gatehouse_plugin* plugin = nullptr;
    void* self = nullptr;
    int calls = 0;                     // of serve()
    std::atomic<bool> creating = true; // create() runs, or has run and start() has not
    std::atomic<bool> stopping = false;
    milliseconds now{0};                         // the fake clock; the test's thread sets it, under the mutex
    std::deque<std::unique_ptr<Client>> clients; // never shrinks: the host recognises handles of ended connections
    std::map<std::string, UpstreamScript, std::less<>> upstreams;
    std::deque<std::string> tls_clients; // the server_name of each; the plugin knows them as gatehouse_tls_client*
    std::deque<std::string> tls_servers; // the section of each; the plugin knows them as gatehouse_tls_server*
    std::map<std::string, std::vector<std::string>, std::less<>> addresses; // of names
    bool lookups_take_time = false;
    std::deque<gatehouse_pool_limits> pools;     // the plugin knows them as gatehouse_pool*
    std::vector<std::unique_ptr<Upstream>> idle; // in the pools
    std::string error;

    std::mutex mutex; // guards what [any] functions touch: the members below, and Client::woken, ::order and ::open
    std::vector<LogLine> log;
    std::vector<std::string> violations;
    std::vector<std::shared_ptr<FakeCheck>> checks;
    std::vector<std::shared_ptr<FakeWatch>> watches;
    std::vector<std::shared_ptr<FakeTimer>> timers;
    std::vector<std::shared_ptr<FakePoll>> polls;
    std::vector<std::shared_ptr<FakeMetric>> metrics;
    std::map<std::string, FakeTable, std::less<>> tables;
    std::map<gatehouse_metrics_format, std::string> metric_texts;

    void violation(std::string text) {
        const std::lock_guard lock(mutex);
        violations.push_back(std::move(text));
    }
    // Whether the plugin calls this before start(), which it must not.
    bool too_early(const char* function) {
        if (creating) violation(std::string(function) + ": not before start()");
        return creating;
    }
    inline void wake(Client& client);
    inline void begin_drain();
    inline bool expire_next(milliseconds last);
};

// One end of a byte stream. The plugin knows it as a gatehouse_conn*.
struct Stream {
    Host* host = nullptr;
    Client* client = nullptr; // whose serve() may use it: itself, or the one that connected upstream
    Circumstances circumstances;
    std::deque<Step> incoming;
    bool implied_end = false; // `end` follows the script
    bool arrived = false;     // the front of `incoming` has arrived; what follows has not
    bool gone = false;        // closed, or relayed
    bool write_failed = false;
    bool finished = false;
    gatehouse_status over = GATEHOUSE_OK; // END or RESET, once a read has returned it: later reads return it again
    gatehouse_status due = GATEHOUSE_OK;  // TIMEOUT, TIMER or STOPPING: the next read that would wait returns it
    std::string_view ended;               // the reason of its end, once it can only end
    bool deadline_said = false;           // all that the plugin has learnt in this serve() is that its own deadline has passed
    std::size_t reads = 0;                // reads that returned bytes, END or RESET
    std::optional<milliseconds> deadline; // as the plugin has set it
    std::optional<milliseconds> due_at;   // the same on the fake clock, until it has passed
    std::string output;
    std::uint32_t wanted = 0; // what it is watched for
    std::uint32_t ready = 0;  // what of it news() tells
    std::size_t taken = 0;    // bytes that write_now() has taken in this serve()
    bool sent_due = false;    // send() has left something: GATEHOUSE_EVENT_SENT is to come
    sockaddr_storage peer{};  // facts as bytes
    sockaddr_storage local{};
    gatehouse_credentials credentials{};
    std::function<Script(std::string_view)> answer;
    std::function<Script()> hears_end;

    gatehouse_status read(void* buffer, std::size_t capacity, std::size_t& size);
    gatehouse_status read_now(void* buffer, std::size_t capacity, std::size_t& size);
    gatehouse_status write(std::string_view bytes);
    gatehouse_status write_now(std::string_view bytes, std::size_t& written);
    bool has_input();
    bool pass(milliseconds time);
    void time_out();
    gatehouse_status say(gatehouse_status status);
};

struct Upstream : Stream {
    UpstreamRecord record;
    bool pending = false;                    // an attempt goes on, or has failed: it can only be closed
    std::optional<gatehouse_status> attempt; // what the attempt comes to, until outcome() has told
    bool ready_said = false;                 // GATEHOUSE_EVENT_READY has been
    std::string attempt_problem;
    std::vector<std::string> addresses; // of a lookup
    std::string origin;                 // what it may be kept with; empty: it may not
};

// What relay_some() was asked for.
struct Carry {
    Stream* from;
    Stream* to;
    std::uint64_t left;
    bool until_news;
    std::uint64_t moved = 0;
    std::optional<gatehouse_status> over;
    Stream* failed = nullptr;
};

struct Client : Stream {
    Client() { wanted = GATEHOUSE_READABLE; }

    std::uint64_t id = 0;
    void* state = nullptr;
    bool opened = false; // the host has called serve() for it
    bool open = true;    // the host has not called closed() for it
    bool woken = false;
    std::optional<gatehouse_how> order; // of the plugin, which has not been obeyed yet
    bool waiting = false;               // parked with GATEHOUSE_NEXT_WAIT
    bool relaying = false;              // the relay engine has it
    bool closing = false;               // closed() runs
    bool drain_due = false;
    int waits = 0;                          // calls of wait()
    std::optional<std::thread::id> serving; // the thread that runs serve() for it now
    std::vector<std::unique_ptr<Upstream>> upstreams;
    Upstream* relay = nullptr;
    std::optional<Carry> carry;
    std::vector<UpstreamRecord> kept;          // those that it has left in a pool
    std::string_view relay_ended;              // the reason, by the side that ended first; empty: neither has
    bool connect_failed = false;               // the last connect()
    bool pending = false;                      // TLS that accept_tls() has begun goes on, or has failed
    std::optional<gatehouse_status> handshake; // what it comes to, until outcome() has told that it went well
    bool ready_said = false;                   // GATEHOUSE_EVENT_READY has been
    Outcome outcome;
};

inline void Host::wake(Client& client) {
    const std::lock_guard lock(mutex);
    client.woken = true;
}

// Every connection learns of the drain once.
inline void Host::begin_drain() {
    if (stopping.exchange(true)) return;
    if (plugin->stop != nullptr) plugin->stop(self);
    for (auto& client : clients) client->drain_due = true;
}

// Time goes by, and timers expire; true if the plugin's deadline has passed in it.
inline bool Stream::pass(milliseconds time) {
    const milliseconds last = host->now + time;
    while (host->expire_next(last)) {
    }
    const bool passed = due_at && *due_at <= host->now;
    if (passed) time_out();
    return passed;
}

// A deadline passes: the plugin's own if it has set one, or else one of the configuration.
inline void Stream::time_out() {
    due = due_at ? GATEHOUSE_TIMER : GATEHOUSE_TIMEOUT;
    while (due_at && host->expire_next(*due_at)) {
    }
    due_at.reset();
}

// Notes what the plugin learns. The first status after which a connection can only end is the reason of its end.
inline gatehouse_status Stream::say(gatehouse_status status) {
    deadline_said = status == GATEHOUSE_TIMER;
    if (!ended.empty()) return status;
    if (status == GATEHOUSE_RESET) ended = "peer_reset";
    if (status == GATEHOUSE_TIMEOUT) ended = "idle_timeout";
    if (status == GATEHOUSE_STOPPING) ended = "drained";
    return status;
}

inline gatehouse_status Stream::read(void* buffer, std::size_t capacity, std::size_t& size) {
    while (true) {
        if (over != GATEHOUSE_OK) return ++reads, over;
        if (!arrived && due != GATEHOUSE_OK) return say(std::exchange(due, GATEHOUSE_OK));
        if (incoming.empty() && implied_end) incoming.push_back(kit::end);
        if (incoming.empty()) {
            host->violation("read() would wait for ever: the script is over; let it end with end, timeout or reset");
            return over = GATEHOUSE_RESET;
        }
        Step& step = incoming.front();
        if (step.kind == Step::Kind::bytes && !step.bytes.empty()) {
            size = std::min({capacity, step.bytes.size(), circumstances.read_limit});
            std::memcpy(buffer, step.bytes.data(), size);
            step.bytes.erase(0, size);
            arrived = !step.bytes.empty();
            if (!arrived) incoming.pop_front();
            ++reads;
            deadline_said = false;
            return GATEHOUSE_OK;
        }
        const Step next = std::move(step);
        incoming.pop_front();
        arrived = false;
        switch (next.kind) {
        case Step::Kind::bytes:
            break; // empty: nothing arrives
        case Step::Kind::end:
            over = GATEHOUSE_END;
            deadline_said = false;
            break;
        case Step::Kind::reset:
            over = say(GATEHOUSE_RESET);
            circumstances.write_limit = 0;
            circumstances.write_status = GATEHOUSE_RESET;
            break;
        case Step::Kind::timeout:
            time_out();
            break;
        case Step::Kind::stopping:
            host->begin_drain();
            if (std::exchange(client->drain_due, false)) due = GATEHOUSE_STOPPING;
            break;
        case Step::Kind::wake:
            client->woken = true;
            break; // the host calls serve() again after it parks
        case Step::Kind::pass:
            pass(next.time);
            break;
        }
    }
}

// Whether something has arrived, or arrives now, that read_now() has not returned yet.
inline bool Stream::has_input() {
    if (over != GATEHOUSE_OK) return false;
    if (incoming.empty() && implied_end) incoming.push_back(kit::end);
    if (incoming.empty()) return false;
    const Step& step = incoming.front();
    arrived = arrived || step.kind == Step::Kind::end || step.kind == Step::Kind::reset || !step.bytes.empty();
    return arrived;
}

// What has not arrived yet is not there: only a parked connection is brought what is next.
inline gatehouse_status Stream::read_now(void* buffer, std::size_t capacity, std::size_t& size) {
    if (over == GATEHOUSE_OK && !arrived && due == GATEHOUSE_OK) return GATEHOUSE_AGAIN;
    return read(buffer, capacity, size);
}

inline gatehouse_status Stream::write_now(std::string_view bytes, std::size_t& written) {
    if (bytes.size() > circumstances.room - taken) bytes = bytes.substr(0, circumstances.room - taken);
    if (bytes.empty() && circumstances.room == taken) return GATEHOUSE_AGAIN;
    written = bytes.size();
    taken += written;
    return write(bytes);
}

inline gatehouse_status Stream::write(std::string_view bytes) {
    if (write_failed) host->violation("write() after a write that failed");
    if (finished) host->violation("write() after finish()");
    if (write_failed || finished) return GATEHOUSE_RESET;
    const std::size_t room = circumstances.write_limit - std::min(circumstances.write_limit, output.size());
    output.append(bytes.substr(0, room));
    if (answer)
        for (Step& step : answer(bytes.substr(0, room))) incoming.push_back(std::move(step));
    if (bytes.size() <= room) return GATEHOUSE_OK;
    write_failed = true;
    return say(circumstances.write_status);
}

inline Stream* stream_of(gatehouse_conn* conn) { return reinterpret_cast<Stream*>(conn); }
inline Host* host_of(gatehouse_instance* instance) { return reinterpret_cast<Host*>(instance); }

inline bool is_pending(Stream* stream) { return stream != stream->client && static_cast<Upstream*>(stream)->pending; }

// A handshake with the client fails. If nothing else has, that ends the connection.
inline void fail_handshake(Client& client) {
    if (!client.ended.empty()) return;
    const gatehouse_status status = *client.handshake;
    client.ended = status == GATEHOUSE_RESET       ? "peer_reset"
                   : status == GATEHOUSE_EXHAUSTED ? "handshakes_full"
                   : status == GATEHOUSE_TIMER     ? "deadline"
                                                   : "tls_failed";
}

// Is this a moment at which the plugin may call a [conn] function with this connection?
inline bool may_use(Stream* stream, const char* function) {
    const auto& serving = stream->client->serving;
    const char* why = stream->gone                             ? ": the connection was closed or relayed"
                      : is_pending(stream)                     ? ": what was begun is not over, or has failed"
                      : !serving                               ? ": serve() does not run for this connection"
                      : *serving != std::this_thread::get_id() ? ": another thread serves this connection"
                                                               : nullptr;
    if (why != nullptr) stream->host->violation(std::string(function) + why);
    return why == nullptr;
}

// The same for functions that read and write: a client takes none of them while it shakes hands.
inline bool may_talk(Stream* stream, const char* function) {
    const bool shakes_hands = stream == stream->client && stream->client->pending;
    if (shakes_hands) stream->host->violation(std::string(function) + ": accept_tls() is not over, or has failed");
    return !shakes_hands && may_use(stream, function);
}

// The same as may_use() for functions that only a client's connection takes.
inline Client* client_of(gatehouse_conn* conn, const char* function) {
    Stream* stream = stream_of(conn);
    if (stream != stream->client) stream->host->violation(std::string(function) + ": not for an upstream connection");
    return may_use(stream, function) ? stream->client : nullptr;
}

inline std::string joined(const gatehouse_bytes* parts, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all.append(static_cast<const char*>(parts[i].data), parts[i].size);
    return all;
}

inline const FakeConfig& config_of(const gatehouse_config* config) { return *reinterpret_cast<const FakeConfig*>(config); }

} // namespace detail
} // namespace gatehouse::kit

#endif
