// The stage that chooses the plugin of a connection by the listener's routes and the client's first bytes. The plugin still
// reads these bytes. Where routes terminate TLS, there are two such stages: the second one looks at the decrypted bytes.
#pragma once

#include "base/log.hpp"
#include "base/pace.hpp"
#include "config/config.hpp"
#include "maps/live_maps.hpp"
#include "plugin/plugins.hpp"
#include "stages/route.hpp"
#include "stages/route_counts.hpp"
#include "stages/stage.hpp"
#include "tls/sections.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

enum class Layer : std::uint8_t {
    outer,
    inner, // TLS has been ended by a route; those that end it are not asked again
};

class Detection final : public Stage {
  public:
    // [main]
    Detection(const ListenerConfig& config, Layer layer, const FindPlugin& find, const TlsServers& tls, const LiveMaps& maps,
              RouteCounts& counts, Log& log);

    std::optional<Milliseconds> limit(const Visitor& visitor) const noexcept override;
    bool at_once() const noexcept override { return at_once_; }
    Verdict look(const Visitor& visitor) const noexcept override;
    Verdict explain(const Visitor& visitor, const Asked& asked, Explanation& explanation) const override;

  private:
    Arrived arrived(const Visitor& visitor, std::span<const std::byte> bytes, bool all) const;
    Verdict take(PluginInstance* plugin, Reason otherwise) const noexcept;
    Verdict follow(Choice& choice, const Visitor& visitor) const noexcept;
    void say_passed_over(const Route& route, const SocketAddress& peer, std::size_t bytes) const;

    const Layer layer_;
    Routes routes_;        // constant after construction, as are all below
    bool at_once_ = false; // there are routes for connections that have not said anything
    bool by_source_ = false;
    PluginInstance* otherwise_ = nullptr; // null: no_match
    PluginInstance* silence_ = nullptr;   // null: first_byte_timeout
    Milliseconds patience_;               // until the first byte
    Milliseconds timeout_;                // from then on
    std::size_t most_;                    // bytes
    std::string listener_;                // its name
    Place where_;                         // its own
    bool tls_is_over_;                    // it ends TLS before
    Log& log_;
    mutable Pace too_long_; // what the log has said of connections that needed more bytes
    mutable Pace too_late_; // and of those that needed more time
};

// Throws PluginError if a listener's routes are wrong in a way that only the plugins themselves can tell: everything that is,
// as "FILE:LINE:COLUMN: KEY: ...", each on a line. [main]
void check_routes(const Config& config, const FindPlugin& find);

} // namespace gatehouse::host
