// What a plugin may ask about a connection, and say about its client.
#ifndef GATEHOUSE_TESTING_FACTS_HPP
#define GATEHOUSE_TESTING_FACTS_HPP

#include "../gatehouse.h"
#include "host.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace gatehouse::kit::detail {

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
    case GATEHOUSE_FACT_SERVER_NAME:
        return of_client ? text(facts.server_name) : gatehouse_str{};
    case GATEHOUSE_FACT_ROUTE_VALUE:
        return of_client ? text(facts.route_value) : gatehouse_str{};
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
    if (client == nullptr || value.size > 255) return GATEHOUSE_INVALID;
    if (which == GATEHOUSE_FACT_CAUSE) {
        constexpr std::array<std::string_view, 8> causes{"refused",       "timeout", "no_server", "pool_full",
                                                         "queue_timeout", "tls",     "dns",       "local"};
        if (std::find(causes.begin(), causes.end(), view(value)) == causes.end()) return GATEHOUSE_INVALID;
        client->outcome.cause = view(value);
        return GATEHOUSE_OK;
    }
    if (which != GATEHOUSE_FACT_USER) return GATEHOUSE_INVALID;
    client->outcome.user = view(value);
    return GATEHOUSE_OK;
}

} // namespace gatehouse::kit::detail

#endif
