// TLS that the plugin begins with its client: gatehouse.tls/1.
#ifndef GATEHOUSE_TESTING_TLS_HPP
#define GATEHOUSE_TESTING_TLS_HPP

#include "../ext/tls.h"
#include "host.hpp"

#include <cstddef>
#include <string>

namespace gatehouse::kit::detail {

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

} // namespace gatehouse::kit::detail

#endif
