// The stage that takes the PROXY header off connections from the listed networks, which must send one, and never looks for one
// in others. The client that the header names becomes the connection's peer; the proxy's own address is kept beside it.
#pragma once

#include "base/log.hpp"
#include "config/config.hpp"
#include "net/network.hpp"
#include "stages/stage.hpp"

#include <string>

namespace gatehouse::host {

class ProxyStage final : public Stage {
  public:
    // `listener` is the name for messages. [main]
    ProxyStage(const ProxyProtocolConfig& config, std::string listener, Log& log);

    // Whether a connection from there must begin with a header. [any]
    bool lists(const SocketAddress& address) const noexcept;

    std::optional<Milliseconds> limit(const Visitor& visitor) const noexcept override;
    Verdict look(const Visitor& visitor) const noexcept override;
    Verdict explain(const Visitor& visitor, const Asked& asked, Explanation& explanation) const override;

  private:
    Verdict refuse(const Visitor& visitor, const char* problem) const noexcept;

    NetworkTable from_; // constant after construction, as are the others
    bool from_unix_;
    Milliseconds timeout_;
    Place where_; // of proxy_protocol
    std::string listener_;
    Log& log_;
};

} // namespace gatehouse::host
