#include "abi/facts.hpp"

#include "abi/handles.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

using NameOf = int (*)(int fd, sockaddr* address, socklen_t* size) noexcept;

// Of size 0 if the kernel does not say it.
SocketAddress address_of(NameOf name_of, int fd) noexcept {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (name_of(fd, address.get(), &address.size) != 0) address.size = 0;
    return address;
}

std::string address_text(NameOf name_of, int fd) {
    const SocketAddress address = address_of(name_of, fd);
    return address.size != 0 ? to_string(address) : "";
}

Facts& made(std::unique_ptr<Facts>& facts) {
    if (!facts) facts = std::make_unique<Facts>();
    return *facts;
}

Facts::Addresses addresses_of(const Connection& client) {
    const std::string peer = to_string(client.peer_address());
    if (const Proxied* const proxied = client.life.proxied.get())
        return {peer, to_string(proxied->destination), to_string(proxied->transport)};
    return {peer, address_text(::getsockname, client.fd), peer};
}

Facts::Addresses addresses_of(const Upstream& server) {
    const std::string peer = address_text(::getpeername, server.fd);
    return {peer, address_text(::getsockname, server.fd), peer};
}

// Few plugins ask for addresses, so they become text when one does, and are kept from then on.
gatehouse_str address_fact(gatehouse_conn* conn, gatehouse_fact which) {
    Connection* const client = client_of(conn);
    Upstream* const server = upstream_of(conn);
    if (client == nullptr && server == nullptr) return {};
    std::optional<Facts::Addresses>& addresses = made(client != nullptr ? client->life.serving.facts : server->facts).addresses;
    if (!addresses) addresses = client != nullptr ? addresses_of(*client) : addresses_of(*server);
    return str(which == GATEHOUSE_FACT_PEER    ? addresses->peer
               : which == GATEHOUSE_FACT_LOCAL ? addresses->local
                                               : addresses->transport_peer);
}

// Empty if the peer has not sent it.
std::string_view tls_fact(gatehouse_conn* conn, gatehouse_fact which) {
    const TlsSession& tls = *stream_of(conn).tls;
    if (which == GATEHOUSE_FACT_TLS_VERSION) return tls.version();
    if (which == GATEHOUSE_FACT_TLS_CIPHER) return tls.cipher();
    if (which == GATEHOUSE_FACT_TLS_SNI) return tls.sni();
    if (which == GATEHOUSE_FACT_TLS_ALPN) return tls.alpn();
    Connection* const client = client_of(conn);
    if (client == nullptr) return {}; // an upstream's certificate is a server's
    std::optional<Facts::Certificate>& certificate = made(client->life.serving.facts).certificate;
    if (!certificate) certificate = {tls.client_subject(), tls.client_alternative_names()};
    if (which == GATEHOUSE_FACT_TLS_CLIENT_SUBJECT) return certificate->subject;
    return which == GATEHOUSE_FACT_TLS_CLIENT_SANS ? certificate->alternative_names : std::string_view();
}

gatehouse_str bytes_of(const SocketAddress& address) noexcept {
    return {reinterpret_cast<const char*>(&address.storage), address.size};
}

gatehouse_str socket_address_fact(Connection& client, gatehouse_fact which) {
    std::unique_ptr<const Facts::SocketAddresses>& addresses = made(client.life.serving.facts).socket_addresses;
    if (!addresses) {
        const Proxied* const proxied = client.life.proxied.get();
        addresses = std::make_unique<Facts::SocketAddresses>(Facts::SocketAddresses{
            client.peer_address(), proxied != nullptr ? proxied->destination : address_of(::getsockname, client.fd)});
    }
    return bytes_of(which == GATEHOUSE_FACT_PEER_SOCKADDR ? addresses->peer : addresses->local);
}

// Of a socket of another kind the kernel says that it was nobody.
gatehouse_str credentials_fact(Connection& client) {
    std::optional<gatehouse_credentials>& known = made(client.life.serving.facts).credentials;
    int domain = 0;
    socklen_t size = sizeof domain;
    ucred peer{};
    socklen_t peer_size = sizeof peer;
    if (!known) {
        if (::getsockopt(client.fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX ||
            ::getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) != 0)
            return {};
        known = {sizeof *known, static_cast<std::uint32_t>(peer.pid), peer.uid, peer.gid};
    }
    return {reinterpret_cast<const char*>(&*known), sizeof *known};
}

// What only a client's connection has.
gatehouse_str client_fact(Connection& client, gatehouse_fact which) {
    const Facts* const facts = client.life.serving.facts.get();
    switch (which) {
    case GATEHOUSE_FACT_LISTENER:
        return str(listener_of(client));
    case GATEHOUSE_FACT_INSTANCE:
        return str(client.plugin.load(std::memory_order_relaxed)->name());
    case GATEHOUSE_FACT_USER:
        return facts != nullptr ? str(facts->user) : gatehouse_str{};
    case GATEHOUSE_FACT_SERVER_NAME:
        if (client.life.routed) return str(client.life.routed->server_name);
        return client.tls && client.tls->established() ? str(client.tls->sni()) : gatehouse_str{};
    case GATEHOUSE_FACT_ROUTE_VALUE:
        return client.life.routed ? str(client.life.routed->value) : gatehouse_str{};
    case GATEHOUSE_FACT_PEER_SOCKADDR:
    case GATEHOUSE_FACT_LOCAL_SOCKADDR:
        return socket_address_fact(client, which);
    case GATEHOUSE_FACT_CREDENTIALS:
        return credentials_fact(client);
    default:
        return {};
    }
}

constexpr std::size_t longest_set_fact = 255;

} // namespace

gatehouse_status fact(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str* value) noexcept {
    try {
        gatehouse_str found{};
        if (which == GATEHOUSE_FACT_PEER || which == GATEHOUSE_FACT_LOCAL || which == GATEHOUSE_FACT_TRANSPORT_PEER)
            found = address_fact(conn, which);
        else if (which < GATEHOUSE_FACT_TLS_VERSION && client_of(conn) != nullptr)
            found = client_fact(*client_of(conn), which);
        else if (which >= GATEHOUSE_FACT_TLS_VERSION && which <= GATEHOUSE_FACT_TLS_CLIENT_SANS && stream_of(conn).tls &&
                 stream_of(conn).tls->established())
            found = str(tls_fact(conn, which));
        if (found.size == 0) return GATEHOUSE_NOT_FOUND;
        *value = found;
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

gatehouse_status set_fact(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str value) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr || value.size > longest_set_fact) return GATEHOUSE_INVALID;
    if (which == GATEHOUSE_FACT_CAUSE) {
        const Cause cause = cause_of(view(value));
        if (cause == Cause::none) return GATEHOUSE_INVALID;
        client->life.serving.cause = cause;
        return GATEHOUSE_OK;
    }
    if (which != GATEHOUSE_FACT_USER) return GATEHOUSE_INVALID;
    try {
        made(client->life.serving.facts).user = view(value);
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

} // namespace gatehouse::host
