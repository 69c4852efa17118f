// The [tls.NAME] sections of the configuration, and the tables of plugins that speak TLS to servers.
#pragma once

#include "config/config.hpp"
#include "config/key.hpp"
#include "config/table.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// Files are named here, and read when the host starts.
std::vector<TlsConfig> read_tls_sections(ConfigTable table);

// What the table of a plugin says; unknown keys are left to the caller. `has_names`: the plugin has names for its servers.
TlsClientConfig read_tls_client(ConfigTable& table, bool has_names);

// The name of a section [tls.NAME]; empty if the key is absent, or there is no such section, which is then recorded.
std::string read_tls_server(ConfigTable& table, std::string_view key);
// What is wrong with a name that none of `sections` has.
std::string no_tls_section(std::string_view name, std::span<const std::string> sections);

// The keys that read_tls_client() reads.
std::vector<ConfigKey> tls_client_keys();

} // namespace gatehouse::host
