// The functions of gatehouse_host over the fake host's streams, and what get_extension() finds.
#ifndef GATEHOUSE_TESTING_TABLE_HPP
#define GATEHOUSE_TESTING_TABLE_HPP

#include "../ext/sendfile.h"
#include "../ext/text_file.h"
#include "background.hpp"
#include "callbacks.hpp"
#include "facts.hpp"
#include "host.hpp"
#include "host_view.hpp"
#include "metrics.hpp"
#include "run.hpp"
#include "tls.hpp"
#include "upstream.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

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
    static constexpr gatehouse_host_v1 host_view{sizeof(gatehouse_host_v1), 0, show_host, write_metrics};
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
