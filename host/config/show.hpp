// A configuration as it runs, key by key: what the file says and the defaults, and where each was said. [any]
#pragma once

#include "base/cell_table.hpp"
#include "config/config.hpp"
#include "config/key.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

struct ShownKey {
    std::string section; // "host", "listeners.web", "tls.web", "plugins.db"
    std::string key;     // within it: "threads.min", "routes.2.sni", "config.servers.db1.address"
    std::string value;   // as config/value_text.hpp writes it
    std::string where;   // "FILE:LINE"; "default"; or in words
    bool secret = false; // there is a value, and it is not shown
};

// The keys that the library of this plugin instance has; null: it does not say.
using KeysOfPlugin = std::function<const std::vector<ConfigKey>*(std::string_view plugin)>;

// All of its sections, or the listener of this name alone. A key that has neither a value nor a default is left out. What
// stands for a secret is not shown, but for the host's own keys that take a variable of the environment: they have none. As
// long as no plugin's create() reads the configuration. May throw std::bad_alloc.
std::vector<ShownKey> shown_keys(const Config& config, const std::string& listener, const KeysOfPlugin& keys_of);

// For people: sections in their brackets, and where each key was said behind it, if that is wanted. For programs: the columns
// section, key, value and where.
std::string show_text(const std::vector<ShownKey>& keys, bool with_where);
CellTable show_table(const std::vector<ShownKey>& keys);

} // namespace gatehouse::host
