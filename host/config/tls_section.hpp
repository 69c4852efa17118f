// The [tls.NAME] sections of the configuration, and the tables of plugins that speak TLS to servers.
#pragma once

#include "config/config.hpp"
#include "config/table.hpp"

#include <filesystem>

namespace gatehouse::host {

// What the section says; relative paths are taken from `folder`. Files are named here, and read when the host starts. Problems
// are recorded, unknown keys left to the caller, as are the tables in `nested`, which it appends. What is bad keeps its
// default.
TlsConfig read_tls(ConfigTable& table, const std::filesystem::path& folder, std::vector<ConfigTable>& nested,
                   const ConfigProblems& problems);

// What the table of a plugin says; the same rules. `has_names`: the plugin has names for its servers.
TlsClientConfig read_tls_client(ConfigTable& table, const std::filesystem::path& folder, bool has_names);

} // namespace gatehouse::host
