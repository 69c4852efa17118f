#include "abi/tls.hpp"

#include "abi/handles.hpp"
#include "config/plugin_settings.hpp"
#include "threads/wait.hpp"
#include "tls/sections.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string>

namespace gatehouse::host {
namespace {

gatehouse_status tls_server(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                            const gatehouse_tls_server** server) noexcept {
    try {
        std::string name;
        const gatehouse_status status = config->tls_server(view(key), name);
        if (status != GATEHOUSE_OK || name.empty()) return status;
        TlsServer* const found = instance->facilities.tls_server(name);
        auto made = std::make_shared<gatehouse_tls_server>(gatehouse_tls_server{found});
        instance->kept.push_back(made);
        if (found != nullptr) instance->tls_servers.push_back(found);
        *server = made.get();
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        config->reject(view(key), "out of memory");
        return GATEHOUSE_EXHAUSTED;
    }
}

gatehouse_status begin(gatehouse_conn* conn, const gatehouse_tls_server* server, std::size_t unused) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr || server == nullptr) return GATEHOUSE_INVALID;
    if (client->tls || client->pending || client->is_finished() || client->carries()) {
        client->life.serving.error.set(
            "accept_tls() takes a client that has no TLS yet, without a finish() or relay_some() before");
        return GATEHOUSE_INVALID;
    }
    std::unique_ptr<Upgrade> upgrade(new (std::nothrow) Upgrade);
    if (!upgrade) return GATEHOUSE_EXHAUSTED;
    upgrade->unused = unused;
    const Milliseconds silence = client->listener.load(std::memory_order_relaxed)->config.first_byte_timeout;
    client->life.staging.tls = server->server;
    client->life.staging.due = after(monotonic_now(), silence);
    client->life.serving.upgrade = std::move(upgrade);
    client->begin_tls();
    return GATEHOUSE_AGAIN;
}

gatehouse_status outcome(gatehouse_conn* conn, gatehouse_str* why) noexcept {
    Connection* const client = client_of(conn);
    *why = {};
    if (client == nullptr || !client->life.serving.upgrade) return GATEHOUSE_INVALID;
    Upgrade& upgrade = *client->life.serving.upgrade;
    if (!upgrade.status) return GATEHOUSE_AGAIN;
    const gatehouse_status status = *upgrade.status;
    upgrade.told = true;
    if (status == GATEHOUSE_OK) {
        client->life.serving.upgrade.reset();
        client->pending = false;
    } else {
        *why = str(upgrade.why);
    }
    return status;
}

// Waits until it is over, or until a deadline of the connection's has passed.
void await(Connection& client) noexcept {
    Upgrade& upgrade = *client.life.serving.upgrade;
    client.watch.remove(client.fd); // or its events would wake threads for nothing
    while (!facilities_of(client).step_upgrade(client)) {
        const bool room = client.holds_output() || client.wants_write();
        std::array<pollfd, 1> item{{{client.fd, room ? short{POLLOUT} : short{POLLIN}, 0}}};
        switch (wait(item, client.due(monotonic_now()).when, client.drain(), OnDrain::go_on)) {
        case Waited::ready:
        case Waited::draining: // not with OnDrain::go_on
        case Waited::rung:
            continue;
        case Waited::failed:
            client.broken = true;
            client.reason = Reason::host_out_of_memory;
            upgrade.status = GATEHOUSE_EXHAUSTED;
            return;
        case Waited::timeout:
            break;
        }
        const Nanoseconds now = monotonic_now();
        if (client.own_drain.deadline() <= now) { // an order
            client.expire(Reason::ended);
            upgrade.status = GATEHOUSE_RESET;
            return;
        }
        switch (const Reason passed = client.due(now).reason) {
        case Reason::tls_failed: // the step finds that out
            continue;
        case Reason::deadline:
            client.pass_timer();
            upgrade.status = GATEHOUSE_TIMER;
            return;
        default:
            client.expire(passed);
            upgrade.status = passed == Reason::drained ? GATEHOUSE_RESET : GATEHOUSE_TIMEOUT;
            return;
        }
    }
}

gatehouse_status accept_tls(gatehouse_conn* conn, const gatehouse_tls_server* server, std::size_t unused) noexcept {
    const gatehouse_status begun = begin(conn, server, unused);
    if (begun != GATEHOUSE_AGAIN) return begun;
    await(*client_of(conn));
    gatehouse_str why{};
    return outcome(conn, &why);
}

} // namespace

const gatehouse_tls_v1 tls_table{.size = sizeof(gatehouse_tls_v1),
                                 .reserved = 0,
                                 .tls_server = tls_server,
                                 .accept_tls = accept_tls,
                                 .accept_tls_now = begin,
                                 .outcome = outcome};

} // namespace gatehouse::host
