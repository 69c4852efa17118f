// The keys of a plugin's configuration as its library describes them: the host's side of the extension gatehouse.schema/1.
#pragma once

#include "config/key.hpp"

#include <gatehouse/gatehouse.h>
#include <optional>
#include <vector>

struct gatehouse_schema_v1;

namespace gatehouse::host {

// The keys that the library has, asked with `self` NULL; nothing if it does not have the extension. Throws PluginError if they
// break the rules of gatehouse/ext/schema.h. [main]
std::optional<std::vector<ConfigKey>> read_keys(const gatehouse_plugin& hooks);
std::vector<ConfigKey> read_keys(const gatehouse_schema_v1& schema);

} // namespace gatehouse::host
