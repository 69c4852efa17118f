// The [tls.NAME] sections of the configuration, and the tables of plugins that speak TLS to servers.
#pragma once

#include "config/config.hpp"
#include "config/key.hpp"
#include "config/table.hpp"

#include <vector>

namespace gatehouse::host {

// Files are named here, and read when the host starts.
std::vector<TlsConfig> read_tls_sections(ConfigTable table);

// What the table of a plugin says; unknown keys are left to the caller. `has_names`: the plugin has names for its servers.
TlsClientConfig read_tls_client(ConfigTable& table, bool has_names);

// The keys that it reads.
std::vector<ConfigKey> tls_client_keys();

} // namespace gatehouse::host
