#include "abi/upstream_tls.hpp"

#include "abi/handles.hpp"
#include "abi/upstream.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "config/config.hpp"
#include "config/plugin_settings.hpp"
#include "connection/connect.hpp"
#include "net/server_name.hpp"

#include <new>
#include <optional>
#include <string_view>

std::string gatehouse_tls_client::name_for(std::string_view plugins) const {
    return std::string(gatehouse::host::ServerName(server_name.empty() ? plugins : std::string_view(server_name)).text());
}

namespace gatehouse::host {

gatehouse_status tls_client(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                            std::int32_t has_names, const gatehouse_tls_client** client) noexcept {
    const std::string_view name(key.data, key.size);
    try {
        std::optional<TlsClientConfig> wanted;
        const gatehouse_config* table = nullptr;
        const gatehouse_status status = config->tls_client(name, has_names != 0, wanted, table);
        if (status != GATEHOUSE_OK || !wanted) return status;
        auto made = std::make_shared<gatehouse_tls_client>();
        made->context = TlsContext::client(*wanted, [&](std::string_view part, const std::string& why) {
            if (table != nullptr)
                table->reject(part, why);
            else
                config->reject(name, why);
        });
        if (!made->context) return GATEHOUSE_INVALID;
        for (const std::string& warning : made->context->warnings())
            instance->facilities.log.warning(warning, {{"plugin", instance->name}});
        made->server_name = wanted->server_name;
        made->verify = wanted->verify;
        instance->kept.push_back(made);
        *client = made.get();
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        config->reject(name, "out of memory");
        return GATEHOUSE_EXHAUSTED;
    }
}

namespace {

gatehouse_status status_of(Handshake handshake) noexcept {
    switch (handshake) {
    case Handshake::done:
        return GATEHOUSE_OK;
    case Handshake::reset:
        return GATEHOUSE_RESET;
    case Handshake::timeout:
        return GATEHOUSE_TIMEOUT;
    case Handshake::no_memory:
        return GATEHOUSE_EXHAUSTED;
    case Handshake::failed:
        break;
    }
    return GATEHOUSE_FAILED;
}

} // namespace

gatehouse_status start_tls(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* client,
                           gatehouse_str server_name, std::uint64_t milliseconds, gatehouse_str* why) noexcept {
    Upstream* const server = upstream_of(upstream);
    if (client_of(conn) == nullptr) return GATEHOUSE_INVALID;
    Connection& serving = *client_of(conn);
    if (server == nullptr || server->tls || client == nullptr) {
        serving.life.serving.error.set("start_tls() takes an upstream connection that has no TLS yet");
        return GATEHOUSE_INVALID;
    }
    serving.life.serving.no_upstream = Reason::upstream_failed; // until the handshake is done
    std::string_view problem;
    gatehouse_status status = GATEHOUSE_EXHAUSTED;
    try {
        const std::string name = client->name_for({server_name.data, server_name.size});
        if (name.empty() && client->verify) {
            problem = "no name to check the server's certificate against (expected server_name, or verify = false)";
            status = GATEHOUSE_INVALID;
        } else {
            server->tls = TlsSession::client(client->context, server->fd, name);
            if (server->tls)
                status = status_of(
                    shake_hands(*server->tls, server->fd, deadline_of(serving, milliseconds), serving.drain(), problem));
            else
                problem = "no memory for a TLS session";
        }
        const std::string address = to_string(server->peer_address());
        if (status == GATEHOUSE_OK)
            serving.life.serving.no_upstream.reset();
        else
            serving.life.serving.error.set("upstream " + address + ": TLS: " + printable(problem));
        if (status == GATEHOUSE_TIMEOUT) status = too_late(serving);
        if (status == GATEHOUSE_EXHAUSTED) lacks(serving, Reason::host_out_of_memory, address, problem);
    } catch (const std::bad_alloc&) {
        status = lacks_memory(serving, "");
    }
    *why = {problem.data(), problem.size()};
    return status;
}

} // namespace gatehouse::host
