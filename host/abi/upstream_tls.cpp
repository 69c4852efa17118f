#include "abi/upstream_tls.hpp"

#include "abi/upstream.hpp"
#include "base/printable.hpp"
#include "config/config.hpp"
#include "config/plugin_settings.hpp"
#include "connection/connection.hpp"
#include "net/server_name.hpp"
#include "plugin/instance.hpp"
#include "serving/service.hpp"
#include "threads/pool.hpp"
#include "tls/session.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <poll.h>
#include <string_view>

namespace gatehouse::host {

gatehouse_status tls_client(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                            std::int32_t has_names, const gatehouse_tls_client** client) noexcept {
    const std::string_view name(key.data, key.size);
    try {
        std::optional<TlsClientConfig> wanted;
        const gatehouse_config* table = nullptr;
        const gatehouse_status status = config->tls_client(name, has_names != 0, wanted, table);
        if (status != GATEHOUSE_OK || !wanted) return status;
        auto made = std::make_unique<gatehouse_tls_client>();
        made->context = TlsContext::client(*wanted, [&](std::string_view part, const std::string& why) {
            if (table != nullptr)
                table->reject(part, why);
            else
                config->reject(name, why);
        });
        if (!made->context) return GATEHOUSE_INVALID;
        for (const std::string& warning : made->context->warnings())
            instance->log.warning(warning, {{"plugin", instance->name}});
        made->server_name = wanted->server_name;
        made->verify = wanted->verify;
        *client = instance->tls_clients.emplace_back(std::move(made)).get();
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        config->reject(name, "out of memory");
        return GATEHOUSE_EXHAUSTED;
    }
}

namespace {

// Waits until the server has been verified, or why not; `why` is the session's or constant.
gatehouse_status shake_hands(TlsSession& session, int fd, Nanoseconds deadline, const Drain& drain,
                             std::string_view& why) noexcept {
    for (;;) {
        switch (session.handshake()) {
        case TlsSession::Outcome::done:
            return GATEHOUSE_OK;
        case TlsSession::Outcome::want_read:
        case TlsSession::Outcome::want_write:
            break;
        case TlsSession::Outcome::end:
        case TlsSession::Outcome::cut:
            why = "the server has closed the connection during the handshake";
            return GATEHOUSE_RESET;
        case TlsSession::Outcome::reset:
            why = session.error() == ECONNRESET ? "the server has reset the connection during the handshake"
                                                : ::strerrordesc_np(session.error());
            return GATEHOUSE_RESET;
        case TlsSession::Outcome::failed:
            why = session.words();
            return GATEHOUSE_FAILED;
        }
        const Pool::Blocked blocked;
        const bool draining = drain.started(); // if it starts meanwhile, its deadline counts from then on
        const Nanoseconds limit = std::min(deadline, drain.deadline());
        const Nanoseconds left = limit - monotonic_now();
        if (left <= 0) {
            why = "the handshake has taken too long";
            return GATEHOUSE_TIMEOUT;
        }
        const auto wanted = static_cast<short>(session.wants_write() ? POLLOUT : POLLIN);
        std::array<pollfd, 2> waiting{{{fd, wanted, 0}, {drain.descriptor(), POLLIN, 0}}};
        const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
        ::ppoll(waiting.data(), draining ? 1 : 2, limit == never ? nullptr : &timeout, nullptr);
    }
}

} // namespace

gatehouse_status start_tls(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* client,
                           gatehouse_str server_name, std::uint64_t milliseconds, gatehouse_str* why) noexcept {
    if (conn->connection == nullptr || upstream->connection != nullptr || upstream->tls || client == nullptr) {
        set_error_text("TLS is begun once, on an upstream connection for a client's");
        return GATEHOUSE_INVALID;
    }
    Connection& serving = *conn->connection;
    serving.upstream_failed = true; // until it has not
    std::string_view problem;
    gatehouse_status status = GATEHOUSE_EXHAUSTED;
    try {
        const std::string name(
            ServerName(client->server_name.empty() ? std::string_view(server_name.data, server_name.size) : client->server_name)
                .text());
        if (name.empty() && client->verify) {
            problem = "there is no name that the server's certificate has to be for (expected server_name, or verify = false)";
            status = GATEHOUSE_INVALID;
        } else {
            upstream->tls = TlsSession::client(client->context, upstream->fd, name);
            if (upstream->tls)
                status = shake_hands(*upstream->tls, upstream->fd, deadline_of(serving, milliseconds),
                                     serving.service.commons().drain, problem);
            else
                problem = "out of memory, or not the name of a server";
        }
        serving.upstream_failed = status != GATEHOUSE_OK;
        if (status != GATEHOUSE_OK)
            set_error_text("upstream " + to_string(static_cast<UpstreamConnection*>(upstream)->peer_address()) +
                           ": TLS: " + printable(problem));
    } catch (const std::bad_alloc&) {
        set_error_text("no memory for an upstream connection");
    }
    *why = {problem.data(), problem.size()};
    return status;
}

} // namespace gatehouse::host
