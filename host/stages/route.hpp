// Routes: which plugin a connection goes to, by its source, by TLS (server name, ALPN) and by the client's first bytes.
//
// Pure functions over the configuration and the bytes; the stage in detection.hpp calls them.
#pragma once

#include "access/access.hpp"
#include "base/match.hpp"
#include "net/network.hpp"
#include "wire/byte_pattern.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

class PluginInstance;
class TlsServer;
struct ProtocolPattern;

// The facts about a connection that routes decide by.
struct Arrived {
    std::optional<IpAddress> source;  // not of unix sockets
    std::span<const std::byte> bytes; // the first ones
    bool all = false;                 // no more will be looked at
    std::size_t most = 0;             // so many will be at most
    SocketAddress peer;
    // What the client has asked for in TLS, as far as a stage or a proxy has said it. Each may be known without the other;
    // nothing: the host looks for it in the bytes. Empty: the client has not asked.
    std::optional<std::string_view> server_name;
    std::optional<std::string_view> protocol;
};

// What only the bytes can tell. `needed`: how many it needs in all; left alone where that is not known.
using RouteProbe = std::function<Match(const Arrived& arrived, std::size_t& needed)>;
RouteProbe probe_of(const ProtocolPattern& pattern);

// All conditions that are there must hold. A list holds if one of its entries does; an empty one is no condition.
struct Route {
    std::vector<std::string> sni;  // for fits_route_name()
    std::vector<std::string> alpn; // protocol names
    std::vector<Network> source;
    std::vector<BytePattern> match;
    RouteProbe probe;                 // or empty
    PluginInstance* plugin = nullptr; // null: the routes are asked once more, inside of TLS
    TlsServer* tls = nullptr;         // ends TLS before that; null: TLS is left alone
    std::optional<AccessList> access; // the clients that it lets in; nothing: all
    std::string where;                // its place in the configuration

    // Whether it has to see bytes.
    bool reads() const noexcept { return !sni.empty() || !alpn.empty() || !match.empty() || probe != nullptr; }
};

struct Choice {
    enum class What : std::uint8_t { route, none, more };

    What what;
    std::size_t route = 0;                                 // its index
    std::optional<std::size_t> passed_over = std::nullopt; // the first of the routes before it that lacked bytes
};

// The first route whose conditions all hold; none if none can; more as long as that depends on bytes that have not come.
Choice choose_route(std::span<const Route> routes, const Arrived& arrived);

} // namespace gatehouse::host
