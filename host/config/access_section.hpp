// The keys that say who may connect and how often, of a listener and of a route.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <filesystem>
#include <span>

namespace gatehouse::host {

// `allow`, `deny`, `allow_file` and `deny_file`. A network that is both allowed and denied is a problem, as is one in `allow`
// or `deny` that changes nothing. The files may overlap with anything else, since other people make such lists. `proxies`:
// those that are believed, which may come on their own behalf where nobody else may.
AccessLists read_access_lists(ConfigTable& table, std::span<const Network> proxies);

// `max_per_source`, `rate` and `source_bits`.
SourceLimits read_source_limits(ConfigTable& table);

// A file with a network or an address on each line; "#" starts a comment. Problems are recorded at `key`. `lines`: gets the
// line of each network.
std::vector<Network> read_networks(ConfigTable& table, std::string_view key, const std::filesystem::path& file,
                                   std::vector<std::uint32_t>* lines = nullptr);

} // namespace gatehouse::host
