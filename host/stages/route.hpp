// Routes: which plugin a connection goes to, by its source, by TLS (server name, ALPN) and by the client's first bytes.
//
// Pure functions over the configuration and the bytes; the stage in detection.hpp calls them.
#pragma once

#include "access/access.hpp"
#include "base/match.hpp"
#include "connection/routed.hpp"
#include "net/network.hpp"
#include "net/server_name.hpp"
#include "wire/byte_pattern.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
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

// What a map says of a server name: the value, and where it stands. False: nothing.
using RouteMap = std::function<bool(const ServerName& name, Routed& routed)>;

// All conditions that are there must hold. A list holds if one of its entries does; an empty one is no condition.
struct Route {
    std::vector<std::string> sni;  // for fits_route_name()
    RouteMap map;                  // or empty
    std::vector<std::string> alpn; // protocol names
    std::vector<Network> source;
    std::vector<BytePattern> match;
    RouteProbe probe;                            // or empty
    PluginInstance* plugin = nullptr;            // null: the routes are asked once more, inside of TLS
    TlsServer* tls = nullptr;                    // ends TLS before that; null: TLS is left alone
    std::optional<AccessList> access;            // the clients that it lets in; nothing: all
    std::string where;                           // its place in the configuration
    std::atomic<std::uint64_t>* taken = nullptr; // counts the connections that it takes

    bool is_named() const noexcept { return !sni.empty() || map != nullptr; }
    // Whether it has to see bytes.
    bool reads() const noexcept { return is_named() || !alpn.empty() || !match.empty() || probe != nullptr; }
};

struct Choice {
    enum class What : std::uint8_t { route, none, more };

    What what;
    std::size_t route = 0;                                 // its index
    std::optional<std::size_t> passed_over = std::nullopt; // the first of the routes before it that lacked bytes
    std::unique_ptr<const Routed> routed = nullptr;        // if the route looks at the server name
};

// Hears of each route that was asked, by its index.
using RouteTold = std::function<void(std::size_t index, Match match)>;

// The routes of a listener, in their order. Of thousands with names only those are asked that are for the client's. Constant.
// [any]
class Routes {
  public:
    Routes() = default;
    explicit Routes(std::vector<Route> routes);

    // The first route whose conditions all hold; none if none can; more as long as that depends on bytes that have not come.
    Choice choose(const Arrived& arrived, const RouteTold& told = {}) const;

    const Route& operator[](std::size_t index) const noexcept { return routes_[index]; }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>()(name); }
    };

    std::vector<Route> routes_;
    std::vector<std::size_t> nameless_; // those without `sni`, by their indices; all of these are in order
    std::unordered_map<std::string, std::vector<std::size_t>, Hash, std::equal_to<>> by_name_; // "*.example.org" as it stands
};

} // namespace gatehouse::host
