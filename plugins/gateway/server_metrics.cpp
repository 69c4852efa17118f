#include "server_metrics.hpp"

namespace gateway {
namespace {

constexpr std::string_view shared_label = "other";
constexpr std::size_t longest_label = 128; // that the host takes

} // namespace

ServerMetrics::ServerMetrics(const gatehouse::Init& init)
    : addresses_(init, "server_addresses", "addresses of the server that are in the pool", {.labels = {"server"}}),
      up_(init, "server_up", "addresses of the server that are up", {.labels = {"server"}}),
      connections_(init, "server_connections", "connections to the server that are open, or about to be",
                   {.labels = {"server"}}),
      connects_(init, "server_connects", "connections to the server that were made", {.labels = {"server"}}),
      failures_(init, "server_failures", "connections to the server that failed, and it is to blame", {.labels = {"server"}}) {}

ServerRow ServerMetrics::row(std::string_view server) const {
    return {addresses_.with({server}), up_.with({server}), connections_.with({server}), connects_.with({server}),
            failures_.with({server})};
}

std::vector<ServerRow> ServerMetrics::rows(const std::vector<Source>& sources) const {
    std::vector<ServerRow> rows;
    for (const Source& source : sources) {
        const std::string_view name = source.name.empty() ? source.address : source.name;
        rows.push_back(row(rows.size() < most_rows && name.size() <= longest_label ? name : shared_label));
    }
    rows.push_back(row(shared_label));
    return rows;
}

} // namespace gateway
