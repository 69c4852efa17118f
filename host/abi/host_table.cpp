// Each function finds the object behind its handle and lets that do the work.
#include "abi/host_table.hpp"

#include "abi/discovery.hpp"
#include "abi/facts.hpp"
#include "abi/handles.hpp"
#include "abi/health_check.hpp"
#include "abi/host_view.hpp"
#include "abi/metrics.hpp"
#include "abi/plugin_log.hpp"
#include "abi/poll.hpp"
#include "abi/sendfile.hpp"
#include "abi/text_file.hpp"
#include "abi/timer.hpp"
#include "abi/tls.hpp"
#include "abi/upstream.hpp"
#include "abi/upstream_pool.hpp"
#include "abi/watch.hpp"
#include "base/clock.hpp"
#include "config/plugin_settings.hpp"
#include "connection/connection.hpp"
#include "threads/drain.hpp"

#include <new>

namespace gatehouse::host {
namespace {

gatehouse_status read(gatehouse_conn* conn, void* buffer, std::size_t capacity, std::size_t* size) noexcept {
    return stream_of(conn).read(buffer, capacity, *size);
}

gatehouse_status write(gatehouse_conn* conn, const gatehouse_bytes* parts, std::size_t count) noexcept {
    return stream_of(conn).write({parts, count});
}

gatehouse_status finish(gatehouse_conn* conn) noexcept { return stream_of(conn).finish(); }

gatehouse_status set_deadline(gatehouse_conn* conn, std::uint64_t milliseconds) noexcept {
    return stream_of(conn).set_deadline(milliseconds);
}

gatehouse_status read_now(gatehouse_conn* conn, void* buffer, std::size_t capacity, std::size_t* size) noexcept {
    return stream_of(conn).read_now(buffer, capacity, *size);
}

gatehouse_status write_now(gatehouse_conn* conn, const gatehouse_bytes* parts, std::size_t count,
                           std::size_t* written) noexcept {
    return stream_of(conn).write_now({parts, count}, *written);
}

gatehouse_status send(gatehouse_conn* conn, const gatehouse_bytes* parts, std::size_t count, std::int32_t fd,
                      std::uint64_t offset, std::uint64_t length, std::uint64_t* left) noexcept {
    return stream_of(conn).send({parts, count}, fd, offset, fd < 0 ? 0 : length, *left);
}

// An upstream connection is a gatehouse_conn too, but it has no event, id or state.
gatehouse_event event(gatehouse_conn* conn) noexcept {
    const Connection* const client = client_of(conn);
    return client != nullptr ? client->life.serving.why : GATEHOUSE_INVALID;
}

std::uint64_t id(gatehouse_conn* conn) noexcept {
    const Connection* const client = client_of(conn);
    return client != nullptr ? client->id : 0;
}

void* state(gatehouse_conn* conn) noexcept {
    const Connection* const client = client_of(conn);
    return client != nullptr ? client->life.serving.state : nullptr;
}

gatehouse_status set_state(gatehouse_conn* conn, void* value) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr) return GATEHOUSE_INVALID;
    client->life.serving.state = value;
    return GATEHOUSE_OK;
}

gatehouse_status wake(gatehouse_instance* instance, std::uint64_t connection) noexcept {
    if (too_early(*instance, "wake()")) return GATEHOUSE_INVALID;
    return instance->facilities.wake(*instance->plugin, connection);
}

gatehouse_status end(gatehouse_instance* instance, std::uint64_t connection, gatehouse_how how,
                     std::uint64_t milliseconds) noexcept {
    if (too_early(*instance, "end()")) return GATEHOUSE_INVALID;
    if (how < GATEHOUSE_HOW_STOP || how > GATEHOUSE_HOW_RESET) return GATEHOUSE_INVALID;
    return instance->facilities.end(*instance->plugin, connection, how, milliseconds);
}

gatehouse_status for_each(gatehouse_instance* instance, void (*visit)(void* data, std::uint64_t id) noexcept,
                          void* data) noexcept {
    if (too_early(*instance, "for_each()")) return GATEHOUSE_INVALID;
    try {
        for (const std::uint64_t connection : instance->facilities.list(*instance->plugin)) visit(data, connection);
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

std::int32_t stopping(gatehouse_instance* instance) noexcept { return instance->facilities.drain.started() ? 1 : 0; }

std::uint64_t now(gatehouse_instance* /*instance*/) noexcept { return static_cast<std::uint64_t>(monotonic_now() / 1'000'000); }

void set_error(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_str text) noexcept {
    if (conn == nullptr) return instance->error.set(view(text));
    if (Connection* const client = client_of(conn)) client->life.serving.error.set(view(text)); // an upstream has none
}

gatehouse_status config_string(const gatehouse_config* config, gatehouse_str key, std::int32_t required,
                               gatehouse_str* value) noexcept {
    return config->string(view(key), required != 0, *value);
}

gatehouse_status config_integer(const gatehouse_config* config, gatehouse_str key, std::int64_t minimum, std::int64_t maximum,
                                std::int64_t* value) noexcept {
    return config->integer(view(key), minimum, maximum, *value);
}

gatehouse_status config_boolean(const gatehouse_config* config, gatehouse_str key, std::int32_t* value) noexcept {
    return config->boolean(view(key), *value);
}

gatehouse_status config_duration(const gatehouse_config* config, gatehouse_str key, std::uint64_t* milliseconds) noexcept {
    return config->duration(view(key), *milliseconds);
}

gatehouse_status config_size(const gatehouse_config* config, gatehouse_str key, std::uint64_t* bytes) noexcept {
    return config->size(view(key), *bytes);
}

gatehouse_status config_count(const gatehouse_config* config, gatehouse_str key, std::size_t* count) noexcept {
    return config->count(view(key), *count);
}

gatehouse_status config_item(const gatehouse_config* config, gatehouse_str key, std::size_t index,
                             const gatehouse_config** item) noexcept {
    return config->item(view(key), index, *item);
}

gatehouse_status config_table(const gatehouse_config* config, gatehouse_str key, const gatehouse_config** table) noexcept {
    return config->table(view(key), *table);
}

void config_reject(const gatehouse_config* config, gatehouse_str key, gatehouse_str why) noexcept {
    config->reject(view(key), view(why));
}

const void* get_extension(gatehouse_instance* instance, gatehouse_str id) noexcept {
    if (view(id) == GATEHOUSE_EXT_UPSTREAM) return &upstream_table;
    if (view(id) == GATEHOUSE_EXT_SENDFILE) return &sendfile_table;
    if (view(id) == GATEHOUSE_EXT_TEXT_FILE) return &text_file_table;
    if (view(id) == GATEHOUSE_EXT_CHECK) return &health_check_table;
    if (view(id) == GATEHOUSE_EXT_DISCOVERY) return &discovery_table;
    if (view(id) == GATEHOUSE_EXT_TIMER) return &timer_table;
    if (view(id) == GATEHOUSE_EXT_POLL) return &poll_table;
    if (view(id) == GATEHOUSE_EXT_POOL) return &pool_table;
    if (view(id) == GATEHOUSE_EXT_METRICS) return &metrics_table;
    if (view(id) == GATEHOUSE_EXT_TLS) return &tls_table;
    if (view(id) == GATEHOUSE_EXT_HOST && instance->sees_host) return &host_view_table;
    return nullptr;
}

} // namespace

const gatehouse_host host_table{
    .size = sizeof(gatehouse_host),
    .abi_major = GATEHOUSE_ABI_MAJOR,
    .abi_minor = GATEHOUSE_ABI_MINOR,
    .reserved = 0,
    .read = read,
    .write = write,
    .finish = finish,
    .set_deadline = set_deadline,
    .event = event,
    .id = id,
    .fact = fact,
    .state = state,
    .set_state = set_state,
    .wake = wake,
    .stopping = stopping,
    .log = write_log,
    .set_error = set_error,
    .config_string = config_string,
    .config_integer = config_integer,
    .config_boolean = config_boolean,
    .config_duration = config_duration,
    .config_size = config_size,
    .config_count = config_count,
    .config_item = config_item,
    .config_reject = config_reject,
    .get_extension = get_extension,
    .config_table = config_table,
    .read_now = read_now,
    .write_now = write_now,
    .send = send,
    .watch = watch,
    .news = news,
    .end = end,
    .for_each = for_each,
    .wait = wait,
    .set_fact = set_fact,
    .now = now,
};

} // namespace gatehouse::host
