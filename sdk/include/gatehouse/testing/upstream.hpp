// Servers: gatehouse.upstream/1, and gatehouse.pool/1, which keeps connections to them.
#ifndef GATEHOUSE_TESTING_UPSTREAM_HPP
#define GATEHOUSE_TESTING_UPSTREAM_HPP

#include "../ext/pool.h"
#include "../ext/upstream.h"
#include "host.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gatehouse::kit::detail {

// What comes of connecting, and then of TLS, if that is asked for.
inline gatehouse_status reach(Upstream& upstream, const UpstreamScript& script, bool tls, std::string server_name) {
    if (script.status != GATEHOUSE_OK || !tls) return script.status;
    upstream.record.server_name = std::move(server_name);
    upstream.record.plain = upstream.output;
    upstream.record.tls = script.tls == GATEHOUSE_OK;
    if (!upstream.record.tls) upstream.attempt_problem = "TLS: " + script.tls_problem;
    return script.tls;
}

// Begins what comes to this: outcome() tells it, unless it is known at once and good.
inline gatehouse_status begin(Upstream& upstream, gatehouse_status status, bool takes_time) {
    if (status == GATEHOUSE_OK && !takes_time) return GATEHOUSE_OK;
    upstream.pending = true;
    upstream.attempt = status;
    upstream.ready_said = !takes_time;
    return GATEHOUSE_AGAIN;
}

inline std::string name_for(const gatehouse_tls_client* tls, gatehouse_str name) {
    const auto& configured = *reinterpret_cast<const std::string*>(tls);
    return configured.empty() ? std::string(view(name)) : configured;
}

// What a request must have in common with the one that a kept connection was made with.
inline std::string origin_of(const gatehouse_connect_request& request) {
    std::string origin;
    for (const gatehouse_str& part : {request.address, request.source, request.server_name, request.key})
        origin.append(view(part)).push_back('\0');
    for (const void* part : {static_cast<const void*>(request.pool), static_cast<const void*>(request.tls)})
        origin.append(std::to_string(reinterpret_cast<std::uintptr_t>(part))).push_back(' ');
    return origin;
}

inline gatehouse_status connect(gatehouse_conn* conn, const gatehouse_connect_request* request, gatehouse_conn** result,
                                bool waits) noexcept {
    Client* client = client_of(conn, waits ? "connect()" : "connect_now()");
    if (client == nullptr) return GATEHOUSE_INVALID;
    if (request->size < sizeof(gatehouse_connect_request) || request->reserved != 0) {
        client->host->violation("connect() with a request of the wrong size, or with something in its reserved field");
        return GATEHOUSE_INVALID;
    }
    static const UpstreamScript nobody{GATEHOUSE_NOT_FOUND, {}, GATEHOUSE_OK, {}, {}};
    const auto known = client->host->upstreams.find(view(request->address));
    const UpstreamScript& script = known == client->host->upstreams.end() ? nobody : known->second;
    auto upstream = std::make_unique<Upstream>();
    upstream->host = client->host;
    upstream->client = client;
    upstream->answer = script.answer;
    upstream->incoming.assign(script.script.begin(), script.script.end());
    if (script.accept && script.status == GATEHOUSE_OK) {
        ServerSide server = script.accept();
        upstream->answer = std::move(server.answer);
        upstream->hears_end = std::move(server.finished);
        upstream->incoming.assign(server.greeting.begin(), server.greeting.end());
    }
    upstream->implied_end = !upstream->answer;
    upstream->record.address = view(request->address);
    upstream->record.source = view(request->source);
    upstream->circumstances = {.peer = upstream->record.address, .local = "192.0.2.254:50000", .listener = "", .instance = ""};
    upstream->record.within = milliseconds(request->milliseconds);
    if (request->pool != nullptr) upstream->origin = origin_of(*request);
    if (request->pool != nullptr && request->preface.size > 0) {
        client->host->violation("connect() with a pool and a preface");
        return GATEHOUSE_INVALID;
    }
    if (script.status == GATEHOUSE_OK && request->preface.size > 0) static_cast<void>(upstream->write(view(request->preface)));
    const bool tls = request->tls != nullptr;
    gatehouse_status status = reach(*upstream, script, tls, tls ? name_for(request->tls, request->server_name) : "");
    upstream->record.connected = script.status == GATEHOUSE_OK;
    if (!waits) status = begin(*upstream, status, script.takes_time);
    client->connect_failed = status != GATEHOUSE_OK;
    if (status != GATEHOUSE_OK && status != GATEHOUSE_AGAIN) return status;
    *result = reinterpret_cast<gatehouse_conn*>(static_cast<Stream*>(upstream.get()));
    client->upstreams.push_back(std::move(upstream));
    return status;
}

inline gatehouse_status connect_and_wait(gatehouse_conn* conn, const gatehouse_connect_request* request,
                                         gatehouse_conn** result) noexcept {
    return connect(conn, request, result, true);
}
inline gatehouse_status connect_now(gatehouse_conn* conn, const gatehouse_connect_request* request,
                                    gatehouse_conn** result) noexcept {
    return connect(conn, request, result, false);
}

inline gatehouse_status outcome(gatehouse_conn* conn, gatehouse_conn* which, gatehouse_str* why) noexcept {
    Client* client = client_of(conn, "outcome()");
    auto* upstream = static_cast<Upstream*>(stream_of(which));
    if (client == nullptr || upstream->client != client || upstream->gone || !upstream->attempt) {
        if (client != nullptr) client->host->violation("outcome() of an upstream for which nothing was begun");
        return GATEHOUSE_INVALID;
    }
    *why = {nullptr, 0};
    if (!upstream->ready_said) return GATEHOUSE_AGAIN;
    const gatehouse_status status = *std::exchange(upstream->attempt, std::nullopt);
    upstream->pending = status != GATEHOUSE_OK;
    client->connect_failed = upstream->pending;
    if (upstream->pending) *why = {upstream->attempt_problem.data(), upstream->attempt_problem.size()};
    return status;
}

// Reads the table as the real host does, except for the files, which need not exist.
inline gatehouse_status tls_client(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                                   int32_t has_names, const gatehouse_tls_client** client) noexcept {
    const FakeConfig& settings = config_of(config);
    const std::size_t before = settings.problem_count();
    std::string server_name;
    if (!settings.tls_client(view(key), has_names != 0, server_name)) return GATEHOUSE_OK;
    if (settings.problem_count() != before) return GATEHOUSE_INVALID;
    Host* host = host_of(instance);
    *client = reinterpret_cast<const gatehouse_tls_client*>(&host->tls_clients.emplace_back(std::move(server_name)));
    return GATEHOUSE_OK;
}

inline gatehouse_status begin_tls(gatehouse_conn* conn, gatehouse_conn* to, const gatehouse_tls_client* tls, gatehouse_str name,
                                  bool waits) noexcept {
    Client* client = client_of(conn, "start_tls()");
    auto* upstream = static_cast<Upstream*>(stream_of(to));
    if (client == nullptr || !may_use(upstream, "start_tls()")) return GATEHOUSE_INVALID;
    if (upstream->record.tls) {
        client->host->violation("start_tls() on a connection that has TLS");
        return GATEHOUSE_INVALID;
    }
    const UpstreamScript& script = client->host->upstreams.find(upstream->record.address)->second;
    gatehouse_status status = reach(*upstream, script, true, name_for(tls, name));
    if (!waits) status = begin(*upstream, status, script.takes_time);
    client->connect_failed = status != GATEHOUSE_OK;
    return status;
}

inline gatehouse_status start_tls(gatehouse_conn* conn, gatehouse_conn* to, const gatehouse_tls_client* tls, gatehouse_str name,
                                  uint64_t, gatehouse_str* why) noexcept {
    const gatehouse_status status = begin_tls(conn, to, tls, name, true);
    const std::string& problem = static_cast<Upstream*>(stream_of(to))->attempt_problem;
    *why = {problem.data(), problem.size()};
    return status;
}

inline gatehouse_status start_tls_now(gatehouse_conn* conn, gatehouse_conn* to, const gatehouse_tls_client* tls,
                                      gatehouse_str name, uint64_t) noexcept {
    return begin_tls(conn, to, tls, name, false);
}

inline void close_upstream(gatehouse_conn* conn) noexcept {
    auto* upstream = static_cast<Upstream*>(stream_of(conn));
    // A session that owns an upstream connection closes it when it is destroyed, in closed().
    upstream->pending = false;
    if (!upstream->client->closing && !may_use(upstream, "close()")) return;
    upstream->gone = upstream->record.closed = true;
}

inline gatehouse_status relay(gatehouse_conn* conn, gatehouse_conn* to, uint64_t idle) noexcept {
    Client* client = client_of(conn, "relay()");
    auto* upstream = static_cast<Upstream*>(stream_of(to));
    if (client == nullptr || !may_use(upstream, "relay()")) return GATEHOUSE_INVALID;
    client->relay = upstream;
    upstream->gone = upstream->record.relayed = true;
    upstream->record.idle = milliseconds(idle);
    return GATEHOUSE_OK;
}

// A name has the addresses that the test has given it with addresses(); any other name resolves to itself.
inline gatehouse_status resolve(gatehouse_conn* conn, gatehouse_str address, uint64_t,
                                void (*found)(void*, gatehouse_str) noexcept, void* data) noexcept {
    const Client* client = client_of(conn, "resolve()");
    if (client == nullptr) return GATEHOUSE_INVALID;
    const auto known = client->host->addresses.find(view(address));
    if (known == client->host->addresses.end()) {
        found(data, address);
        return GATEHOUSE_OK;
    }
    for (const std::string& text : known->second) found(data, {text.data(), text.size()});
    return known->second.empty() ? GATEHOUSE_NOT_FOUND : GATEHOUSE_OK;
}

inline gatehouse_status resolve_now(gatehouse_conn* conn, gatehouse_str address, uint64_t, gatehouse_conn** lookup) noexcept {
    Client* client = client_of(conn, "resolve_now()");
    if (client == nullptr) return GATEHOUSE_INVALID;
    auto begun = std::make_unique<Upstream>();
    begun->host = client->host;
    begun->client = client;
    begun->record.address = view(address);
    begun->record.connected = false;
    const auto known = client->host->addresses.find(view(address));
    begun->addresses = known != client->host->addresses.end() ? known->second : std::vector{begun->record.address};
    begun->pending = true;
    begun->attempt = begun->addresses.empty() ? GATEHOUSE_NOT_FOUND : GATEHOUSE_OK;
    begun->ready_said = !client->host->lookups_take_time;
    *lookup = reinterpret_cast<gatehouse_conn*>(static_cast<Stream*>(begun.get()));
    client->upstreams.push_back(std::move(begun));
    return GATEHOUSE_AGAIN;
}

inline gatehouse_status addresses(gatehouse_conn* conn, gatehouse_conn* lookup, void (*found)(void*, gatehouse_str) noexcept,
                                  void* data) noexcept {
    const Client* client = client_of(conn, "addresses()");
    const auto* begun = static_cast<const Upstream*>(stream_of(lookup));
    if (client == nullptr || begun->attempt || begun->addresses.empty()) return GATEHOUSE_INVALID;
    for (const std::string& text : begun->addresses) found(data, {text.data(), text.size()});
    return GATEHOUSE_OK;
}

inline gatehouse_status relay_some(gatehouse_conn* conn, gatehouse_conn* from, gatehouse_conn* to, uint64_t bytes,
                                   uint32_t flags) noexcept {
    Client* client = client_of(conn, "relay_some()");
    if (client == nullptr || !may_talk(stream_of(from), "relay_some()") || !may_talk(stream_of(to), "relay_some()"))
        return GATEHOUSE_INVALID;
    const bool mine = stream_of(from)->client == client && stream_of(to)->client == client && from != to;
    if (!mine || (flags & ~uint32_t{GATEHOUSE_RELAY_UNTIL_NEWS}) != 0) {
        client->host->violation("relay_some() between streams that are not two of this client's, or with an unknown flag");
        return GATEHOUSE_INVALID;
    }
    client->carry = Carry{stream_of(from), stream_of(to), bytes, flags != 0, 0, {}, nullptr};
    return GATEHOUSE_OK;
}

inline gatehouse_status relayed(gatehouse_conn* conn, uint64_t* moved, gatehouse_conn** failed) noexcept {
    const Client* client = client_of(conn, "relayed()");
    if (client == nullptr || !client->carry || !client->carry->over) return GATEHOUSE_INVALID;
    *moved = client->carry->moved;
    *failed = reinterpret_cast<gatehouse_conn*>(client->carry->failed);
    return *client->carry->over;
}

inline gatehouse_status make_pool(gatehouse_instance* instance, const gatehouse_pool_limits* limits,
                                  gatehouse_pool** pool) noexcept {
    *pool = reinterpret_cast<gatehouse_pool*>(&host_of(instance)->pools.emplace_back(*limits));
    return GATEHOUSE_OK;
}

inline gatehouse_status take(gatehouse_conn* conn, const gatehouse_connect_request* request, gatehouse_conn** result) noexcept {
    Client* client = client_of(conn, "pool take()");
    if (client == nullptr || request->pool == nullptr) return GATEHOUSE_INVALID;
    auto& idle = client->host->idle;
    const std::string origin = origin_of(*request);
    const auto found = std::find_if(idle.rbegin(), idle.rend(), [&](const auto& one) { return one->origin == origin; });
    if (found == idle.rend()) return GATEHOUSE_NOT_FOUND;
    std::unique_ptr<Upstream> upstream = std::move(*found);
    idle.erase(std::prev(found.base()));
    upstream->client = client;
    upstream->gone = false;
    upstream->output.clear();
    upstream->record.kept = false;
    upstream->record.taken = true;
    client->connect_failed = false;
    *result = reinterpret_cast<gatehouse_conn*>(static_cast<Stream*>(upstream.get()));
    client->upstreams.push_back(std::move(upstream));
    return GATEHOUSE_OK;
}

// As the host, it closes one that has something left, or has ended.
inline gatehouse_status keep(gatehouse_conn* conn, gatehouse_conn* which) noexcept {
    Client* client = client_of(conn, "pool keep()");
    auto* upstream = static_cast<Upstream*>(stream_of(which));
    if (client == nullptr || !may_use(upstream, "pool keep()")) return GATEHOUSE_INVALID;
    upstream->gone = true;
    upstream->wanted = 0;
    const bool idle =
        upstream->over == GATEHOUSE_OK && !upstream->finished && !upstream->write_failed && !upstream->has_input();
    if (upstream->origin.empty() || !idle || client->host->stopping) {
        upstream->record.closed = true;
        return idle && client->host->stopping ? GATEHOUSE_STOPPING : GATEHOUSE_INVALID;
    }
    const auto own = std::find_if(client->upstreams.begin(), client->upstreams.end(),
                                  [&](const auto& one) { return one.get() == upstream; });
    upstream->record.kept = true;
    client->kept.push_back(upstream->record);
    client->kept.back().received = upstream->output;
    client->host->idle.push_back(std::move(*own));
    client->upstreams.erase(own);
    return GATEHOUSE_OK;
}

} // namespace gatehouse::kit::detail

#endif
