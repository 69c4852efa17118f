// What the operator's metrics have of each server, by what the file calls it: the servers behind a name are one row together,
// so that names which bring ever new addresses bring no new rows.
#pragma once

#include "settings.hpp"

#include <gatehouse/metrics.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace gateway {

// Of one source, or of several that share the row "other". By default it counts nothing.
struct ServerRow {
    gatehouse::Gauge addresses;   // in the pool
    gatehouse::Gauge up;          // of them
    gatehouse::Gauge connections; // open, or about to be
    gatehouse::Counter connects;
    gatehouse::Counter failures; // of connections, where the server is to blame
};

class ServerMetrics {
  public:
    static constexpr std::size_t most_rows = 250; // besides "other": the host takes 256

    // Throws std::runtime_error if the host refuses them. [create]
    explicit ServerMetrics(const gatehouse::Init& init);

    // One for each source, and one for what the operator adds. [any]
    std::vector<ServerRow> rows(const std::vector<Source>& sources) const;

  private:
    ServerRow row(std::string_view server) const;

    const gatehouse::Metric<gatehouse::Gauge> addresses_, up_, connections_; // constant, as are the next ones
    const gatehouse::Metric<gatehouse::Counter> connects_, failures_;
};

} // namespace gateway
