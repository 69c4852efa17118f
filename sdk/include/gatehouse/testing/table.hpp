// The functions of gatehouse_host and of the extensions over the fake host's streams.
#ifndef GATEHOUSE_TESTING_TABLE_HPP
#define GATEHOUSE_TESTING_TABLE_HPP

#include "../ext/pool.h"
#include "../ext/sendfile.h"
#include "../ext/text_file.h"
#include "../ext/tls.h"
#include "../ext/upstream.h"
#include "background.hpp"
#include "callbacks.hpp"
#include "host.hpp"
#include "host_view.hpp"
#include "metrics.hpp"
#include "run.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace gatehouse::kit::detail {

inline gatehouse_status read(gatehouse_conn* conn, void* buffer, size_t capacity, size_t* size) noexcept {
    Stream* stream = stream_of(conn);
    if (!may_talk(stream, "read()")) return GATEHOUSE_INVALID;
    if (buffer == nullptr || capacity == 0) {
        stream->host->violation("read() into a buffer without room");
        return GATEHOUSE_INVALID;
    }
    return stream->read(buffer, capacity, *size);
}

inline gatehouse_status write(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count) noexcept {
    Stream* stream = stream_of(conn);
    return may_talk(stream, "write()") ? stream->write(joined(parts, count)) : GATEHOUSE_INVALID;
}

inline gatehouse_status read_now(gatehouse_conn* conn, void* buffer, size_t capacity, size_t* size) noexcept {
    Stream* stream = stream_of(conn);
    if (!may_talk(stream, "read_now()")) return GATEHOUSE_INVALID;
    if (buffer == nullptr || capacity == 0) {
        stream->host->violation("read_now() into a buffer without room");
        return GATEHOUSE_INVALID;
    }
    return stream->read_now(buffer, capacity, *size);
}

inline gatehouse_status write_now(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count, size_t* written) noexcept {
    Stream* stream = stream_of(conn);
    return may_talk(stream, "write_now()") ? stream->write_now(joined(parts, count), *written) : GATEHOUSE_INVALID;
}

inline gatehouse_status finish(gatehouse_conn* conn) noexcept {
    Stream* stream = stream_of(conn);
    if (!may_talk(stream, "finish()")) return GATEHOUSE_INVALID;
    if (!std::exchange(stream->finished, true) && stream->hears_end)
        for (Step& step : stream->hears_end()) stream->incoming.push_back(std::move(step));
    return GATEHOUSE_OK;
}

inline gatehouse_status set_deadline(gatehouse_conn* conn, uint64_t time) noexcept {
    Stream* stream = stream_of(conn);
    if (!may_use(stream, "set_deadline()")) return GATEHOUSE_INVALID;
    stream->deadline.reset();
    stream->due_at.reset();
    if (stream->due == GATEHOUSE_TIMER) stream->due = GATEHOUSE_OK;
    if (time != 0) {
        stream->deadline = milliseconds(time);
        stream->due_at = stream->host->now + milliseconds(time);
    }
    return GATEHOUSE_OK;
}

inline gatehouse_event event(gatehouse_conn* conn) noexcept {
    const Client* client = client_of(conn, "event()");
    return client == nullptr ? GATEHOUSE_INVALID : client->outcome.events.back();
}

inline uint64_t id(gatehouse_conn* conn) noexcept {
    const Client* client = client_of(conn, "id()");
    return client == nullptr ? 0 : client->id;
}

// "192.0.2.1:80", "[2001:db8::1]:80" or "unix:/path" as a socket address; its size, or 0 if it is none of these.
inline std::size_t socket_address(const std::string& text, sockaddr_storage& address) {
    address = {};
    if (text.starts_with("unix:")) {
        auto& path = reinterpret_cast<sockaddr_un&>(address);
        path.sun_family = AF_UNIX;
        const std::size_t size = std::min(text.size() - 5, sizeof path.sun_path - 1);
        std::memcpy(path.sun_path, text.data() + 5, size);
        return offsetof(sockaddr_un, sun_path) + (size == 0 ? 0 : size + 1);
    }
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) return 0;
    const in_port_t port = htons(static_cast<std::uint16_t>(std::strtoul(text.c_str() + colon + 1, nullptr, 10)));
    if (text.starts_with('[') && text[colon - 1] == ']') {
        auto& six = reinterpret_cast<sockaddr_in6&>(address);
        six.sin6_family = AF_INET6;
        six.sin6_port = port;
        return inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &six.sin6_addr) == 1 ? sizeof six : 0;
    }
    auto& four = reinterpret_cast<sockaddr_in&>(address);
    four.sin_family = AF_INET;
    four.sin_port = port;
    return inet_pton(AF_INET, text.substr(0, colon).c_str(), &four.sin_addr) == 1 ? sizeof four : 0;
}

inline gatehouse_str fact_of(Stream& stream, gatehouse_fact which) {
    const Circumstances& facts = stream.circumstances;
    const auto text = [](const std::string& of) -> gatehouse_str { return {of.data(), of.size()}; };
    const auto bytes = [](const auto& of, std::size_t size) -> gatehouse_str {
        return {reinterpret_cast<const char*>(&of), size};
    };
    const bool of_client = &stream == static_cast<Stream*>(stream.client);
    switch (which) {
    case GATEHOUSE_FACT_PEER:
        return text(facts.peer);
    case GATEHOUSE_FACT_LOCAL:
        return text(facts.local);
    case GATEHOUSE_FACT_LISTENER:
        return text(facts.listener);
    case GATEHOUSE_FACT_INSTANCE:
        return text(facts.instance);
    case GATEHOUSE_FACT_TLS_VERSION: // nothing is encrypted, and nothing else is known of it
        return of_client && !stream.client->outcome.tls.empty() ? gatehouse_str{"TLSv1.3", 7} : gatehouse_str{};
    case GATEHOUSE_FACT_USER:
        return of_client ? text(stream.client->outcome.user) : gatehouse_str{};
    case GATEHOUSE_FACT_PEER_SOCKADDR:
        return of_client ? bytes(stream.peer, socket_address(facts.peer, stream.peer)) : gatehouse_str{};
    case GATEHOUSE_FACT_LOCAL_SOCKADDR:
        return of_client ? bytes(stream.local, socket_address(facts.local, stream.local)) : gatehouse_str{};
    case GATEHOUSE_FACT_CREDENTIALS:
        if (!of_client || !facts.credentials) return {};
        stream.credentials = {sizeof stream.credentials, facts.credentials->pid, facts.credentials->uid,
                              facts.credentials->gid};
        return bytes(stream.credentials, sizeof stream.credentials);
    default:
        return {};
    }
}

inline gatehouse_status fact(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str* value) noexcept {
    Stream* stream = stream_of(conn);
    if (!may_use(stream, "fact()")) return GATEHOUSE_INVALID;
    const gatehouse_str found = fact_of(*stream, which);
    if (found.size == 0) return GATEHOUSE_NOT_FOUND;
    *value = found;
    return GATEHOUSE_OK;
}

inline gatehouse_status set_fact(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str value) noexcept {
    Client* client = client_of(conn, "set_fact()");
    if (client == nullptr || which != GATEHOUSE_FACT_USER || value.size > 255) return GATEHOUSE_INVALID;
    client->outcome.user = view(value);
    return GATEHOUSE_OK;
}

inline uint64_t now(gatehouse_instance* instance) noexcept {
    Host* host = host_of(instance);
    const std::lock_guard lock(host->mutex);
    return static_cast<uint64_t>(host->now.count());
}

inline void* state(gatehouse_conn* conn) noexcept {
    const Client* client = client_of(conn, "state()");
    return client == nullptr ? nullptr : client->state;
}

inline gatehouse_status set_state(gatehouse_conn* conn, void* state) noexcept {
    Client* client = client_of(conn, "set_state()");
    if (client == nullptr) return GATEHOUSE_INVALID;
    client->state = state;
    return GATEHOUSE_OK;
}

inline gatehouse_status wake_up(gatehouse_instance* instance, uint64_t id) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("wake()")) return GATEHOUSE_INVALID;
    const std::lock_guard lock(host->mutex);
    if (id == 0 || id > host->clients.size() || !host->clients[id - 1]->open) return GATEHOUSE_NOT_FOUND;
    host->clients[id - 1]->woken = true;
    return GATEHOUSE_OK;
}

inline gatehouse_status end_connection(gatehouse_instance* instance, uint64_t id, gatehouse_how how, uint64_t) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("end()")) return GATEHOUSE_INVALID;
    if (how < GATEHOUSE_HOW_STOP || how > GATEHOUSE_HOW_RESET) return GATEHOUSE_INVALID;
    const std::lock_guard lock(host->mutex);
    if (id == 0 || id > host->clients.size() || !host->clients[id - 1]->open) return GATEHOUSE_NOT_FOUND;
    Client& client = *host->clients[id - 1];
    if (!client.order || *client.order < how) client.order = how;
    return GATEHOUSE_OK;
}

inline gatehouse_status for_each(gatehouse_instance* instance, void (*visit)(void*, uint64_t) noexcept, void* data) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("for_each()")) return GATEHOUSE_INVALID;
    std::vector<uint64_t> ids;
    {
        const std::lock_guard lock(host->mutex);
        for (const auto& client : host->clients)
            if (client->open) ids.push_back(client->id);
    }
    for (const uint64_t id : ids) visit(data, id);
    return GATEHOUSE_OK;
}

inline int32_t is_stopping(gatehouse_instance* instance) noexcept { return host_of(instance)->stopping ? 1 : 0; }

inline bool is_field_name(std::string_view name) {
    for (const std::string_view of_host : {"time", "seq", "level", "message", "plugin", "id"})
        if (name == of_host) return false;
    return !name.empty() && name.size() <= 32 && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos;
}

inline void log(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_level level, gatehouse_str text,
                const gatehouse_field* fields, size_t count, size_t stride) noexcept {
    Host* host = host_of(instance);
    const Client* client = conn != nullptr ? client_of(conn, "log()") : nullptr;
    LogLine line{level, std::string(view(text)), client != nullptr ? client->id : 0, {}};
    std::string wrong;
    if (count > 16) wrong = "log() with more than 16 fields";
    for (size_t i = 0; i < count; ++i) {
        gatehouse_field field{};
        std::memcpy(&field, reinterpret_cast<const char*>(fields) + i * stride, sizeof field);
        if (field.value.type == GATEHOUSE_TYPE_NONE) continue;
        const std::string name(view(field.name));
        if (!is_field_name(name) || !line.fields.emplace(name, field.value).second)
            wrong = "log() with a field named \"" + name + "\", of which there are two, or which is no name for a field";
    }
    const std::lock_guard lock(host->mutex);
    host->log.push_back(std::move(line));
    if (!wrong.empty()) host->violations.push_back(wrong);
}

inline void set_error(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_str text) noexcept {
    if (conn == nullptr)
        host_of(instance)->error = view(text).substr(0, 512);
    else if (Client* client = client_of(conn, "set_error()"))
        client->outcome.error = view(text).substr(0, 512);
}

inline gatehouse_status config_string(const gatehouse_config* config, gatehouse_str key, int32_t required,
                                      gatehouse_str* value) noexcept {
    return config_of(config).string(view(key), required != 0, *value);
}
inline gatehouse_status config_integer(const gatehouse_config* config, gatehouse_str key, int64_t minimum, int64_t maximum,
                                       int64_t* value) noexcept {
    return config_of(config).integer(view(key), minimum, maximum, *value);
}
inline gatehouse_status config_boolean(const gatehouse_config* config, gatehouse_str key, int32_t* value) noexcept {
    return config_of(config).boolean(view(key), *value);
}
inline gatehouse_status config_duration(const gatehouse_config* config, gatehouse_str key, uint64_t* value) noexcept {
    return config_of(config).duration(view(key), *value);
}
inline gatehouse_status config_size(const gatehouse_config* config, gatehouse_str key, uint64_t* value) noexcept {
    return config_of(config).size(view(key), *value);
}
inline gatehouse_status config_count(const gatehouse_config* config, gatehouse_str key, size_t* count) noexcept {
    return config_of(config).count(view(key), *count);
}
inline gatehouse_status config_item(const gatehouse_config* config, gatehouse_str key, size_t index,
                                    const gatehouse_config** item) noexcept {
    const FakeConfig* found = nullptr;
    const gatehouse_status status = config_of(config).item(view(key), index, found);
    if (status == GATEHOUSE_OK) *item = reinterpret_cast<const gatehouse_config*>(found);
    return status;
}
inline gatehouse_status config_table(const gatehouse_config* config, gatehouse_str key,
                                     const gatehouse_config** table) noexcept {
    const FakeConfig* found = nullptr;
    const gatehouse_status status = config_of(config).table(view(key), found);
    if (found != nullptr) *table = reinterpret_cast<const gatehouse_config*>(found);
    return status;
}
inline void config_reject(const gatehouse_config* config, gatehouse_str key, gatehouse_str why) noexcept {
    config_of(config).problem(view(key), std::string(view(why)));
}

inline constexpr std::size_t most_sent = 256 * 1024; // that send() copies

// --- the extensions ------------------------------------------------------------------------------------------------------

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

// Any name will do: a test has no sections.
inline gatehouse_status tls_server(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                                   const gatehouse_tls_server** server) noexcept {
    gatehouse_str name{nullptr, 0};
    const gatehouse_status status = config_of(config).string(view(key), false, name);
    if (status != GATEHOUSE_OK || name.data == nullptr) return status;
    Host* host = host_of(instance);
    *server = reinterpret_cast<const gatehouse_tls_server*>(&host->tls_servers.emplace_back(view(name)));
    return GATEHOUSE_OK;
}

inline gatehouse_status accept_tls_now(gatehouse_conn* conn, const gatehouse_tls_server* server, size_t unused) noexcept {
    Client* client = client_of(conn, "accept_tls()");
    if (client == nullptr) return GATEHOUSE_INVALID;
    if (client->pending || !client->outcome.tls.empty() || client->finished || (client->carry && !client->carry->over)) {
        client->host->violation("accept_tls() with a client that has TLS, or after finish() or relay_some()");
        return GATEHOUSE_INVALID;
    }
    // What has arrived and is not read belongs to the handshake, and is none.
    client->handshake = unused > 0 || client->arrived ? GATEHOUSE_FAILED : client->circumstances.handshake;
    client->pending = true;
    client->ready_said = !client->circumstances.handshake_takes_time;
    if (client->handshake == GATEHOUSE_OK) {
        client->outcome.tls = *reinterpret_cast<const std::string*>(server);
        client->outcome.plain = client->output;
    }
    return GATEHOUSE_AGAIN;
}

inline gatehouse_status handshake_outcome(gatehouse_conn* conn, gatehouse_str* why) noexcept {
    Client* client = client_of(conn, "outcome()");
    if (client == nullptr || !client->handshake) {
        if (client != nullptr) client->host->violation("outcome() without accept_tls()");
        return GATEHOUSE_INVALID;
    }
    static constexpr std::string_view failed = "the handshake failed";
    *why = {nullptr, 0};
    if (!client->ready_said) return GATEHOUSE_AGAIN;
    const gatehouse_status status = *client->handshake;
    if (status == GATEHOUSE_OK) {
        client->handshake.reset();
        client->pending = false;
    } else {
        *why = {failed.data(), failed.size()};
        fail_handshake(*client);
    }
    return status;
}

inline gatehouse_status accept_tls(gatehouse_conn* conn, const gatehouse_tls_server* server, size_t unused) noexcept {
    gatehouse_status status = accept_tls_now(conn, server, unused);
    if (status != GATEHOUSE_AGAIN) return status;
    gatehouse_str why{nullptr, 0};
    stream_of(conn)->client->ready_said = true;
    return handshake_outcome(conn, &why);
}

inline gatehouse_status send_file(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count, int32_t fd, uint64_t offset,
                                  uint64_t length) noexcept {
    Client* client = client_of(conn, "sendfile send()");
    if (client == nullptr || !may_talk(client, "sendfile send()")) return GATEHOUSE_INVALID;
    gatehouse_status status = client->write(joined(parts, count));
    std::array<char, 65536> buffer;
    while (status == GATEHOUSE_OK && length > 0) {
        const ssize_t got = ::pread(fd, buffer.data(), std::min<uint64_t>(buffer.size(), length), static_cast<off_t>(offset));
        if (got <= 0) {
            client->write_failed = true;
            return GATEHOUSE_FAILED;
        }
        status = client->write({buffer.data(), static_cast<std::size_t>(got)});
        offset += static_cast<std::uint64_t>(got);
        length -= static_cast<std::uint64_t>(got);
    }
    return status;
}

// Everything reaches the peer, as if it took the rest later.
inline gatehouse_status send(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count, int32_t fd, uint64_t offset,
                             uint64_t length, uint64_t* left) noexcept {
    Stream* stream = stream_of(conn);
    if (!may_talk(stream, "send()")) return GATEHOUSE_INVALID;
    std::string all = joined(parts, count);
    if (all.size() > most_sent) return GATEHOUSE_INVALID;
    if (fd < 0) length = 0;
    while (length > 0) {
        std::array<char, 65536> buffer;
        const ssize_t got = ::pread(fd, buffer.data(), std::min<uint64_t>(buffer.size(), length), static_cast<off_t>(offset));
        if (got <= 0) {
            stream->write_failed = true;
            return GATEHOUSE_FAILED;
        }
        all.append(buffer.data(), static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
        length -= static_cast<std::uint64_t>(got);
    }
    const std::size_t room = stream->circumstances.room - stream->taken;
    *left = all.size() > room ? all.size() - room : 0;
    stream->taken += std::min(room, all.size());
    stream->sent_due = stream->sent_due || *left > 0;
    return stream->write(all);
}

inline gatehouse_status watch(gatehouse_conn* conn, gatehouse_conn* which, uint32_t wanted) noexcept {
    Client* client = client_of(conn, "watch()");
    Stream* stream = stream_of(which);
    if (client == nullptr || !may_use(stream, "watch()")) return GATEHOUSE_INVALID;
    if (stream->client != client || (wanted & ~uint32_t{GATEHOUSE_READABLE | GATEHOUSE_WRITABLE}) != 0) {
        client->host->violation("watch() of another client's stream, or for something else than READABLE and WRITABLE");
        return GATEHOUSE_INVALID;
    }
    stream->wanted = wanted;
    return GATEHOUSE_OK;
}

inline size_t news(gatehouse_conn* conn, gatehouse_news* items, size_t capacity, size_t stride) noexcept {
    Client* client = client_of(conn, "news()");
    if (client == nullptr || stride < sizeof(gatehouse_news)) return 0;
    size_t found = 0;
    const auto add = [&](Stream& stream) {
        const uint32_t ready = stream.ready & stream.wanted;
        if (ready == 0) return;
        const gatehouse_news item{reinterpret_cast<gatehouse_conn*>(&stream), ready, 0};
        if (found < capacity) std::memcpy(reinterpret_cast<char*>(items) + found * stride, &item, sizeof item);
        ++found;
    };
    add(*client);
    for (const auto& upstream : client->upstreams)
        if (!upstream->gone) add(*upstream);
    return found;
}

// What the script brings next, as for a parked connection. If it brings nothing, the time is over, the plugin's or the host's.
inline gatehouse_status wait(gatehouse_conn* conn, uint64_t milliseconds) noexcept {
    Client* client = client_of(conn, "wait()");
    if (client == nullptr) return GATEHOUSE_INVALID;
    if (client->due == GATEHOUSE_TIMER) client->due = GATEHOUSE_OK;
    client->deadline_said = false;
    const auto hears = [&](gatehouse_event event) {
        client->outcome.events.push_back(event);
        client->sent_due = client->sent_due && event != GATEHOUSE_EVENT_SENT;
        return GATEHOUSE_OK;
    };
    std::optional<gatehouse_how> order;
    {
        const std::lock_guard lock(client->host->mutex);
        order = client->order;
        if (order == GATEHOUSE_HOW_STOP) client->order.reset();
    }
    if (order == GATEHOUSE_HOW_STOP) {
        if (client->ended.empty()) client->ended = "ended";
        client->due = client->say(GATEHOUSE_STOPPING);
        return hears(GATEHOUSE_EVENT_STOPPING);
    }
    if (order || client->write_failed || (!client->ended.empty() && !gives_time(*client))) return GATEHOUSE_RESET;
    if (++client->waits > most_calls) {
        client->host->violation("the plugin waits without reading what has arrived");
        return GATEHOUSE_RESET;
    }
    if (const auto event = next_event(*client)) return hears(*event);
    if (!client->open) return GATEHOUSE_RESET;
    if (milliseconds != UINT64_MAX) return GATEHOUSE_AGAIN;
    client->time_out();
    client->due = client->say(client->due);
    return hears(client->due == GATEHOUSE_TIMER ? GATEHOUSE_EVENT_TIMER : GATEHOUSE_EVENT_TIMEOUT);
}

// Reads the file as it is, but for a byte order mark and "\r\n": the real host also refuses what is not UTF-8.
inline gatehouse_status read_text_file(const gatehouse_config* config, gatehouse_str key, gatehouse_str* text) noexcept {
    const FakeConfig& settings = config_of(config);
    gatehouse_str path{"", 0};
    const gatehouse_status status = settings.string(view(key), false, path);
    if (status != GATEHOUSE_OK || path.size == 0) return status;
    std::ifstream file{std::string(view(path)), std::ios::binary};
    if (!file.is_open() || !std::filesystem::is_regular_file(view(path)))
        return settings.problem(view(key), std::string(view(path)) + ": cannot be read");
    std::string& bytes = settings.keep({std::istreambuf_iterator<char>(file), {}});
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.erase(0, 3);
    for (std::size_t at = 0; (at = bytes.find("\r\n", at)) != std::string::npos;) bytes.erase(at, 1);
    *text = {bytes.data(), bytes.size()};
    return GATEHOUSE_OK;
}

inline const void* find_extension(gatehouse_instance*, gatehouse_str id) noexcept {
    static constexpr gatehouse_upstream_v1 upstream{sizeof(gatehouse_upstream_v1),
                                                    0,
                                                    connect_and_wait,
                                                    close_upstream,
                                                    relay,
                                                    resolve,
                                                    tls_client,
                                                    start_tls,
                                                    connect_now,
                                                    start_tls_now,
                                                    outcome,
                                                    resolve_now,
                                                    addresses,
                                                    relay_some,
                                                    relayed};
    static constexpr gatehouse_pool_v1 pool{sizeof(gatehouse_pool_v1), 0, make_pool, take, keep};
    static constexpr gatehouse_sendfile_v1 sendfile{sizeof(gatehouse_sendfile_v1), 0, send_file};
    static constexpr gatehouse_text_file_v1 text_file{sizeof(gatehouse_text_file_v1), 0, read_text_file};
    static constexpr gatehouse_check_v1 check{sizeof(gatehouse_check_v1), 0, start_check, stop_check};
    static constexpr gatehouse_discovery_v1 discovery{sizeof(gatehouse_discovery_v1), 0, start_watch, stop_watch};
    static constexpr gatehouse_timer_v1 timer{sizeof(gatehouse_timer_v1), 0, start_timer, set_timer, stop_timer};
    static constexpr gatehouse_poll_v1 poll{sizeof(gatehouse_poll_v1), 0, watch_descriptor, change_poll, stop_poll};
    static constexpr gatehouse_metrics_v1 metrics{
        sizeof(gatehouse_metrics_v1), 0, add_metric, metric_child, add_to_metric, set_metric, observe_metric};
    static constexpr gatehouse_host_v1 host_view{sizeof(gatehouse_host_v1), 0, show_host};
    if (view(id) == GATEHOUSE_EXT_UPSTREAM) return &upstream;
    if (view(id) == GATEHOUSE_EXT_SENDFILE) return &sendfile;
    if (view(id) == GATEHOUSE_EXT_TEXT_FILE) return &text_file;
    if (view(id) == GATEHOUSE_EXT_CHECK) return &check;
    if (view(id) == GATEHOUSE_EXT_DISCOVERY) return &discovery;
    if (view(id) == GATEHOUSE_EXT_TIMER) return &timer;
    if (view(id) == GATEHOUSE_EXT_POLL) return &poll;
    if (view(id) == GATEHOUSE_EXT_POOL) return &pool;
    static constexpr gatehouse_tls_v1 tls{sizeof(gatehouse_tls_v1), 0, tls_server, accept_tls, accept_tls_now,
                                          handshake_outcome};
    if (view(id) == GATEHOUSE_EXT_METRICS) return &metrics;
    if (view(id) == GATEHOUSE_EXT_TLS) return &tls;
    if (view(id) == GATEHOUSE_EXT_HOST) return &host_view;
    return nullptr;
}
inline const void* no_extension(gatehouse_instance*, gatehouse_str) noexcept { return nullptr; }

inline constexpr gatehouse_host make_table(const void* (*get_extension)(gatehouse_instance*, gatehouse_str) noexcept) {
    gatehouse_host table{};
    table.size = sizeof table;
    table.abi_major = GATEHOUSE_ABI_MAJOR;
    table.abi_minor = GATEHOUSE_ABI_MINOR;
    table.read = read;
    table.write = write;
    table.finish = finish;
    table.set_deadline = set_deadline;
    table.event = event;
    table.id = id;
    table.fact = fact;
    table.state = state;
    table.set_state = set_state;
    table.wake = wake_up;
    table.stopping = is_stopping;
    table.log = log;
    table.set_error = set_error;
    table.config_string = config_string;
    table.config_integer = config_integer;
    table.config_boolean = config_boolean;
    table.config_duration = config_duration;
    table.config_size = config_size;
    table.config_count = config_count;
    table.config_item = config_item;
    table.config_reject = config_reject;
    table.get_extension = get_extension;
    table.config_table = config_table;
    table.read_now = read_now;
    table.write_now = write_now;
    table.send = send;
    table.watch = watch;
    table.news = news;
    table.end = end_connection;
    table.for_each = for_each;
    table.wait = wait;
    table.set_fact = set_fact;
    table.now = now;
    return table;
}
inline constexpr gatehouse_host full_host = make_table(find_extension);
inline constexpr gatehouse_host bare_host = make_table(no_extension); // a host without extensions

} // namespace gatehouse::kit::detail

#endif
