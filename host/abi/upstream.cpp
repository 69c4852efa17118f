#include "abi/upstream.hpp"

#include "abi/handles.hpp"
#include "abi/status.hpp"
#include "abi/upstream_tls.hpp"
#include "base/log.hpp"
#include "base/shortages.hpp"
#include "connection/connect.hpp"
#include "connection/connect_failure.hpp"
#include "dns/resolver.hpp"
#include "threads/drain.hpp"

#include <memory>

namespace gatehouse::host {

Nanoseconds deadline_of(const Connection& client, std::uint64_t milliseconds) noexcept {
    constexpr std::uint64_t most = 86'400'000;
    const Nanoseconds asked = after(monotonic_now(), std::chrono::milliseconds(std::min(milliseconds, most)));
    return std::min({asked, client.drain().deadline(), client.lifetime, client.plugin_deadline});
}

gatehouse_status too_late(Connection& client) noexcept {
    const Nanoseconds now = monotonic_now();
    if (now >= std::min(client.drain().deadline(), client.lifetime)) return GATEHOUSE_STOPPING;
    if (now < client.plugin_deadline) return GATEHOUSE_TIMEOUT;
    client.pass_timer();
    return GATEHOUSE_TIMER;
}

gatehouse_status lacks(Connection& client, Reason lacking, std::string_view server, std::string_view error) noexcept {
    client.life.serving.no_upstream = lacking;
    facilities_of(client).shortages.say(lacking, server, error);
    return GATEHOUSE_EXHAUSTED;
}

gatehouse_status lacks_memory(Connection& client, std::string_view server) noexcept {
    constexpr std::string_view why = "no memory for an upstream connection";
    client.life.serving.error.set(why);
    return lacks(client, Reason::host_out_of_memory, server, why);
}

namespace {

// The addresses behind a name. A failure is recorded as the error text.
gatehouse_status find(Connection& client, const std::string& name, Nanoseconds deadline,
                      std::vector<SocketAddress>& candidates) {
    std::string error;
    gatehouse_status status = GATEHOUSE_INVALID;
    if (const std::optional<Address> address = parse_address(name, error))
        status = status_of(facilities_of(client).resolver.resolve(*address, deadline, client.drain(), candidates, error));
    if (status == GATEHOUSE_TIMEOUT) status = too_late(client);
    if (status != GATEHOUSE_OK)
        client.life.serving.error.set("upstream " + name + ": " + error);
    else if (!error.empty())
        facilities_of(client).log.info("a name has more addresses than the host tries", {{"name", name}, {"what", error}});
    return status;
}

gatehouse_status connect(gatehouse_conn* conn, gatehouse_str text, std::uint64_t milliseconds,
                         gatehouse_conn** upstream) noexcept {
    if (client_of(conn) == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    client.life.serving.no_upstream = Reason::upstream_failed; // until one stands
    try {
        const Nanoseconds deadline = deadline_of(client, milliseconds);
        const std::string name(text.data, text.size);
        std::vector<SocketAddress> candidates;
        gatehouse_status status = find(client, name, deadline, candidates);
        if (status != GATEHOUSE_OK) return status;
        std::string error;
        const Keepalive& keepalive = client.listener.load(std::memory_order_relaxed)->config.keepalive;
        for (const SocketAddress& candidate : candidates) {
            Descriptor fd;
            if (const int code = connect_to(candidate, keepalive, deadline, client.drain(), fd); code != 0) {
                if (status == GATEHOUSE_EXHAUSTED) continue; // whatever the other addresses say, this host lacks something
                const ConnectFailure failure = connect_failure(code, candidate);
                const std::string server = to_string(candidate);
                error = server + ": " + failure.why;
                status = failure.status == GATEHOUSE_TIMEOUT ? too_late(client) : failure.status;
                if (failure.lacking) status = lacks(client, *failure.lacking, server, failure.why);
                if (status == GATEHOUSE_TIMER || status == GATEHOUSE_STOPPING) break; // there is no time for the others
                continue;
            }
            auto connection = std::make_unique<Upstream>(client.drain(), candidate, fd.get());
            fd.release();
            connection->idle = client.idle;
            connection->lifetime = client.lifetime;
            connection->watch.begin(client.listener.load(std::memory_order_relaxed)->pool);
            connection->attach(client.life.serving.upstreams);
            client.life.serving.no_upstream.reset();
            *upstream = connection.release();
            return GATEHOUSE_OK;
        }
        client.life.serving.error.set("upstream " + (error.starts_with(name) ? error : name + " (" + error + ")"));
        return status;
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, {text.data, text.size});
    }
}

gatehouse_status resolve(gatehouse_conn* conn, gatehouse_str text, std::uint64_t milliseconds,
                         void (*found)(void* data, gatehouse_str address) noexcept, void* data) noexcept {
    if (client_of(conn) == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    try {
        std::vector<SocketAddress> candidates;
        const gatehouse_status status =
            find(client, std::string(text.data, text.size), deadline_of(client, milliseconds), candidates);
        for (const SocketAddress& candidate : candidates) {
            const std::string address = to_string(candidate);
            found(data, {address.data(), address.size()});
        }
        return status;
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, {text.data, text.size});
    }
}

void close(gatehouse_conn* upstream) noexcept { delete upstream_of(upstream); }

gatehouse_status relay(gatehouse_conn* conn, gatehouse_conn* upstream, std::uint64_t idle_milliseconds) noexcept {
    Upstream* const server = upstream_of(upstream);
    if (client_of(conn) == nullptr || server == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    if (client.life.serving.upstream.get() != server) client.life.serving.upstream.reset(server);
    constexpr std::uint64_t most = 1000ULL * 86'400 * 365;
    const Nanoseconds idle = after(0, std::chrono::milliseconds(std::min(idle_milliseconds, most)));
    server->idle = idle == never ? client.idle : idle;
    return GATEHOUSE_OK;
}

gatehouse_status cut(gatehouse_instance* instance, std::uint64_t id) noexcept {
    if (too_early(*instance, "cut()")) return GATEHOUSE_INVALID;
    return instance->facilities.cut(*instance->plugin, id);
}

} // namespace

const gatehouse_upstream_v1 upstream_table{
    sizeof(gatehouse_upstream_v1), 0, connect, close, relay, resolve, cut, tls_client, start_tls};

} // namespace gatehouse::host
