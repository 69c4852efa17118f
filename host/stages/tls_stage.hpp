// The handshake, for all connections of a listener, for those that have taken a route with TLS, or when a plugin begins it. It
// holds no thread while it waits for the client, and costs nothing until the client has said something: silence is ended by
// first_byte_timeout, and handshake_timeout counts from the first byte on.
#pragma once

#include "stages/stage.hpp"
#include "tls/sections.hpp"

namespace gatehouse::host {

class TlsStage final : public Stage {
  public:
    // `server`: null if the route names it, or the plugin.
    TlsStage(TlsServer* server, const ListenerConfig& listener, Log& log) noexcept
        : server_(server), listener_(listener), log_(log) {}

    std::optional<Milliseconds> limit(const Visitor& visitor) const noexcept override;
    Verdict look(const Visitor& visitor) const noexcept override;
    Verdict explain(const Visitor& visitor, const Asked& asked, Explanation& explanation) const override;

    // Says in the log why there is no TLS.
    Verdict failed(const Visitor& visitor, std::string_view why) const noexcept;

  private:
    TlsServer* server_for(const Visitor& visitor) const noexcept { return server_ != nullptr ? server_ : visitor.tls; }

    TlsServer* const server_; // constant after construction
    const ListenerConfig& listener_;
    Log& log_;
};

} // namespace gatehouse::host
