#include "abi/upstream.hpp"

#include "abi/carry.hpp"
#include "abi/handles.hpp"
#include "abi/status.hpp"
#include "abi/upstream_pool.hpp"
#include "abi/upstream_tls.hpp"
#include "base/log.hpp"
#include "base/shortages.hpp"
#include "connection/attempt.hpp"
#include "dns/lookups.hpp"
#include "dns/resolver.hpp"
#include "threads/drain.hpp"
#include "threads/wait.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <utility>

namespace gatehouse::host {

Nanoseconds deadline_of(const Connection& client, std::uint64_t milliseconds) noexcept {
    constexpr std::uint64_t most = 86'400'000;
    const Nanoseconds asked = after(monotonic_now(), std::chrono::milliseconds(std::min(milliseconds, most)));
    return std::min({asked, end_of_waits(client.drain()), client.lifetime, client.plugin_deadline});
}

gatehouse_status too_late(Connection& client) noexcept {
    const Nanoseconds now = monotonic_now();
    if (now >= std::min(end_of_waits(client.drain()), client.lifetime)) return GATEHOUSE_STOPPING;
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

constexpr std::string_view no_server_name =
    "no name to check the server's certificate against (expected server_name, or verify = false)";

// What begins here may come to nothing.
void fails_unless_done(Connection& client, Cause cause) noexcept {
    client.life.serving.no_upstream = Reason::upstream_failed;
    client.life.serving.cause = cause;
}

// The addresses behind a name. A failure is recorded as the error text.
gatehouse_status find(Connection& client, const std::string& name, Nanoseconds deadline,
                      std::vector<SocketAddress>& candidates) {
    std::string error;
    gatehouse_status status = GATEHOUSE_INVALID;
    if (const std::optional<Address> address = parse_address(name, error))
        status = status_of(facilities_of(client).resolver.resolve(*address, deadline, client.drain(), candidates, error));
    if (status == GATEHOUSE_TIMEOUT) status = too_late(client);
    if (status != GATEHOUSE_OK) client.life.serving.cause = status == GATEHOUSE_INVALID ? Cause::local : Cause::dns;
    if (status != GATEHOUSE_OK)
        client.life.serving.error.set("upstream " + name + ": " + error);
    else if (!error.empty())
        facilities_of(client).log.info("a name has more addresses than the host tries", {{"name", name}, {"what", error}});
    return status;
}

gatehouse_status refuse(Connection& client, const std::string& name, const std::string& why) {
    client.life.serving.error.set("upstream " + name + ": " + why);
    client.life.serving.cause = Cause::local;
    return GATEHOUSE_INVALID;
}

// What a request says besides its address.
gatehouse_status read_request(Connection& client, const gatehouse_connect_request& request, AttemptPlan& plan) {
    constexpr std::size_t most_preface = 64 * 1024;
    plan.name = view(request.address);
    plan.keepalive = client.listener.load(std::memory_order_relaxed)->config.keepalive;
    plan.deadline = deadline_of(client, request.milliseconds);
    if (request.reserved != 0) return refuse(client, plan.name, "the request has something in its reserved field");
    if (request.preface.size > most_preface) return refuse(client, plan.name, "the preface is longer than 64 KiB");
    if (request.pool != nullptr && !is_of(*request.pool, client))
        return refuse(client, plan.name, "the pool is another instance's");
    if (request.pool != nullptr && request.preface.size > 0)
        return refuse(client, plan.name, "a connection with a preface is of one client: it cannot be kept in a pool");
    plan.preface = view(request.preface);
    if (request.source.size > 0) {
        std::string error;
        std::string source(view(request.source));
        const bool is_ipv6 = source.find(':') != std::string::npos;
        source = (is_ipv6 ? "[" + source + "]" : source) + ":0";
        const std::optional<Address> address = parse_address(source, error);
        plan.source = address ? numeric_address(*address) : std::nullopt;
        if (!plan.source) return refuse(client, plan.name, "the source is not an IP address");
    }
    if (request.tls == nullptr) return GATEHOUSE_OK;
    plan.tls = request.tls->context;
    plan.server_name = request.tls->name_for(view(request.server_name));
    if (plan.server_name.empty() && request.tls->verify) return refuse(client, plan.name, std::string(no_server_name));
    return GATEHOUSE_OK;
}

// Has another thread look the name up, unless it is known. That thread then has the connection looked at.
gatehouse_status look_up(Connection& client, const Address& address, AttemptPlan& plan) {
    if (const auto numeric = numeric_address(address)) {
        plan.addresses = {*numeric};
        return GATEHOUSE_OK;
    }
    if (address.kind != Address::Kind::tcp || address.host.empty())
        return refuse(client, plan.name, "not an address to connect to");
    const Facilities& facilities = facilities_of(client);
    plan.addresses = facilities.resolver.known(address);
    if (!plan.addresses.empty()) return GATEHOUSE_OK;
    const auto found = std::make_shared<FoundAddresses>();
    plan.lookup = found;
    // The generation may have gone by then, and its facilities with it.
    const auto answered = [found, look_again = facilities.look_again, id = client.id,
                           plugin = client.plugin.load(std::memory_order_relaxed)](
                              Lookup status, const std::string& why, const std::vector<SocketAddress>& addresses) {
        try {
            found->status = status_of(status);
            found->why = why;
            found->addresses = addresses;
        } catch (const std::bad_alloc&) {
            found->status = GATEHOUSE_EXHAUSTED;
        }
        found->known.store(true, std::memory_order_release);
        look_again(*plugin, id);
    };
    if (facilities.lookups.find(address, answered)) return GATEHOUSE_OK;
    return lacks_memory(client, plan.name);
}

// What has come of an attempt, once it is over.
gatehouse_status tell(Connection& client, const Upstream& server) {
    const Attempt& attempt = *server.attempt;
    gatehouse_status status = attempt.status();
    ServingLife& serving = client.life.serving;
    if (status == GATEHOUSE_OK) {
        serving.no_upstream.reset();
        return status;
    }
    serving.no_upstream = Reason::upstream_failed;
    serving.cause = attempt.cause();
    serving.error.set(attempt.text());
    if (status == GATEHOUSE_TIMEOUT) status = too_late(client);
    if (attempt.lacking()) {
        if (attempt.text().empty()) return lacks_memory(client, "");
        lacks(client, *attempt.lacking(), to_string(attempt.address()), attempt.why());
    }
    return status;
}

gatehouse_status outcome(gatehouse_conn* conn, gatehouse_conn* upstream, gatehouse_str* why) noexcept {
    Upstream* const server = upstream_of(upstream);
    if (client_of(conn) == nullptr || server == nullptr || !server->attempt) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    *why = {};
    if (!server->attempt->over()) return GATEHOUSE_AGAIN;
    try {
        const gatehouse_status status = tell(client, *server);
        server->attempt->told = true;
        if (status != GATEHOUSE_OK)
            *why = str(server->attempt->why());
        else if (server->attempt->connects())
            server->stands();
        return status;
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, "");
    }
}

// Waits until the attempt is over.
void await(const Connection& client, Upstream& server) noexcept {
    while (!server.step(monotonic_now())) {
        std::array<pollfd, 1> item{{{server.fd, server.attempt->waits_for(server), 0}}};
        const Waited waited = wait(item, server.attempt->deadline(), client.drain(), OnDrain::go_on);
        if (waited == Waited::timeout || waited == Waited::failed) server.attempt->give_up(server);
    }
}

enum class Wait : bool { no, yes };

gatehouse_status connect(gatehouse_conn* conn, const gatehouse_connect_request* given, gatehouse_conn** upstream,
                         Wait waits) noexcept {
    if (client_of(conn) == nullptr || given == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    fails_unless_done(client, Cause::timeout); // which it is if the plugin gives it up
    gatehouse_connect_request request{};
    std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
    try {
        AttemptPlan plan;
        if (const gatehouse_status status = read_request(client, request, plan); status != GATEHOUSE_OK) return status;
        gatehouse_status status = GATEHOUSE_OK;
        std::string error;
        if (waits == Wait::yes)
            status = find(client, plan.name, plan.deadline, plan.addresses);
        else if (const std::optional<Address> address = parse_address(plan.name, error))
            status = look_up(client, *address, plan);
        else
            status = refuse(client, plan.name, error);
        if (status != GATEHOUSE_OK) return status;

        auto server = std::make_unique<Upstream>(client.drain(), std::move(plan));
        if (request.pool != nullptr) server->origin = origin_of(request);
        server->idle = client.idle;
        server->lifetime = client.lifetime;
        server->watch.begin(client.listener.load(std::memory_order_relaxed)->pool);
        if (waits == Wait::yes) await(client, *server);
        const bool stands = server->step(monotonic_now()) && server->attempt->status() == GATEHOUSE_OK;
        if (waits == Wait::yes && !stands) return tell(client, *server);
        if (stands) {
            client.life.serving.no_upstream.reset();
            server->stands();
        }
        server->attach(client.life.serving.upstreams);
        *upstream = server.release();
        return stands ? GATEHOUSE_OK : GATEHOUSE_AGAIN;
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, view(request.address));
    }
}

gatehouse_status connect(gatehouse_conn* conn, const gatehouse_connect_request* request, gatehouse_conn** upstream) noexcept {
    return connect(conn, request, upstream, Wait::yes);
}

gatehouse_status connect_now(gatehouse_conn* conn, const gatehouse_connect_request* request,
                             gatehouse_conn** upstream) noexcept {
    return connect(conn, request, upstream, Wait::no);
}

// Begins TLS on an upstream that stands. GATEHOUSE_AGAIN: its attempt has been begun.
gatehouse_status begin_tls(Connection& client, Upstream* server, const gatehouse_tls_client* tls, gatehouse_str server_name,
                           std::uint64_t milliseconds) {
    ServingLife& serving = client.life.serving;
    if (server == nullptr || server->tls || server->pending || tls == nullptr) {
        serving.error.set("start_tls() takes an upstream connection that has no TLS yet");
        return GATEHOUSE_INVALID;
    }
    fails_unless_done(client, Cause::tls);
    AttemptPlan plan;
    plan.tls = tls->context;
    plan.server_name = tls->name_for(view(server_name));
    plan.deadline = deadline_of(client, milliseconds);
    const SocketAddress address = server->peer_address();
    if (plan.server_name.empty() && tls->verify)
        return refuse(client, to_string(address), "TLS: " + std::string(no_server_name));
    server->attempt = std::make_unique<Attempt>(std::move(plan), address);
    server->pending = true;
    return GATEHOUSE_AGAIN;
}

gatehouse_status start_tls(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* tls,
                           gatehouse_str server_name, std::uint64_t milliseconds, gatehouse_str* why) noexcept {
    if (client_of(conn) == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    Upstream* const server = upstream_of(upstream);
    *why = {};
    try {
        const gatehouse_status begun = begin_tls(client, server, tls, server_name, milliseconds);
        if (begun != GATEHOUSE_AGAIN) {
            *why = str(no_server_name);
            return begun;
        }
        await(client, *server);
        return outcome(conn, upstream, why);
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, "");
    }
}

gatehouse_status start_tls_now(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* tls,
                               gatehouse_str server_name, std::uint64_t milliseconds) noexcept {
    if (client_of(conn) == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    Upstream* const server = upstream_of(upstream);
    try {
        const gatehouse_status begun = begin_tls(client, server, tls, server_name, milliseconds);
        if (begun == GATEHOUSE_AGAIN) server->step(monotonic_now()); // the client speaks first
        return begun;
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, "");
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

gatehouse_status resolve_now(gatehouse_conn* conn, gatehouse_str text, std::uint64_t milliseconds,
                             gatehouse_conn** lookup) noexcept {
    if (client_of(conn) == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    fails_unless_done(client, Cause::dns);
    try {
        AttemptPlan plan;
        plan.name = view(text);
        plan.deadline = deadline_of(client, milliseconds);
        plan.connects = false;
        std::string error;
        const std::optional<Address> address = parse_address(plan.name, error);
        const gatehouse_status status = address ? look_up(client, *address, plan) : refuse(client, plan.name, error);
        if (status != GATEHOUSE_OK) return status;
        auto begun = std::make_unique<Upstream>(client.drain(), std::move(plan));
        begun->step(monotonic_now());
        begun->attach(client.life.serving.upstreams);
        *lookup = begun.release();
        return GATEHOUSE_AGAIN;
    } catch (const std::bad_alloc&) {
        return lacks_memory(client, view(text));
    }
}

gatehouse_status addresses(gatehouse_conn* conn, gatehouse_conn* lookup,
                           void (*found)(void* data, gatehouse_str address) noexcept, void* data) noexcept {
    const Upstream* const begun = upstream_of(lookup);
    if (client_of(conn) == nullptr || begun == nullptr || !begun->attempt) return GATEHOUSE_INVALID;
    const Attempt& attempt = *begun->attempt;
    if (attempt.connects() || !attempt.over() || attempt.status() != GATEHOUSE_OK) return GATEHOUSE_INVALID;
    for (const SocketAddress& candidate : attempt.addresses()) {
        const AddressText address(candidate);
        found(data, str(address));
    }
    return GATEHOUSE_OK;
}

void close(gatehouse_conn* upstream) noexcept { delete upstream_of(upstream); }

gatehouse_status relay(gatehouse_conn* conn, gatehouse_conn* upstream, std::uint64_t idle_milliseconds) noexcept {
    Upstream* const server = upstream_of(upstream);
    if (client_of(conn) == nullptr || server == nullptr || server->pending) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    if (client.life.serving.upstream.get() != server) client.life.serving.upstream.reset(server);
    constexpr std::uint64_t most = 1000ULL * 86'400 * 365;
    const Nanoseconds idle = after(0, std::chrono::milliseconds(std::min(idle_milliseconds, most)));
    server->idle = idle == never ? client.idle : idle;
    return GATEHOUSE_OK;
}

} // namespace

const gatehouse_upstream_v1 upstream_table{
    .size = sizeof(gatehouse_upstream_v1),
    .reserved = 0,
    .connect = connect,
    .close = close,
    .relay = relay,
    .resolve = resolve,
    .tls_client = tls_client,
    .start_tls = start_tls,
    .connect_now = connect_now,
    .start_tls_now = start_tls_now,
    .outcome = outcome,
    .resolve_now = resolve_now,
    .addresses = addresses,
    .relay_some = relay_some,
    .relayed = relayed,
};

} // namespace gatehouse::host
