#include "abi/upstream_tls.hpp"

#include "abi/handles.hpp"
#include "abi/upstream.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "config/config.hpp"
#include "config/plugin_settings.hpp"
#include "connection/connection.hpp"
#include "plugin/error_text.hpp"
#include "threads/drain.hpp"
#include "threads/pool.hpp"

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

// A name or an address as it stands in a certificate: without a dot at the end, and without a zone.
std::string name_in_certificate(std::string_view name) {
    if (const std::size_t zone = name.find('%'); zone != std::string_view::npos && name.find(':') < zone)
        name = name.substr(0, zone);
    if (name.ends_with('.')) name.remove_suffix(1);
    return std::string(name);
}

// Does the handshake, in which the server is verified. On failure `why` says why; its text is the session's or constant.
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
        const bool draining = drain.started(); // a drain that starts later ends the wait, so that its deadline counts
        const Nanoseconds limit = std::min(deadline, drain.deadline());
        const Nanoseconds left = limit - monotonic_now();
        if (left <= 0) {
            why = "the handshake took too long";
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
        set_error_text("start_tls() takes a client's connection, and an upstream of it that has no TLS yet");
        return GATEHOUSE_INVALID;
    }
    Connection& serving = *conn->connection;
    serving.upstream_failed = true; // until the handshake is done
    std::string_view problem;
    gatehouse_status status = GATEHOUSE_EXHAUSTED;
    try {
        const std::string name = name_in_certificate(
            client->server_name.empty() ? std::string_view(server_name.data, server_name.size) : client->server_name);
        if (name.empty() && client->verify) {
            problem = "no name to check the server's certificate against (expected server_name, or verify = false)";
            status = GATEHOUSE_INVALID;
        } else {
            upstream->tls = TlsSession::client(client->context, upstream->fd, name);
            if (upstream->tls)
                status = shake_hands(*upstream->tls, upstream->fd, deadline_of(serving, milliseconds),
                                     facilities_of(serving).drain, problem);
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
