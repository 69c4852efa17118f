// A key of the configuration as data: what a plugin's library says of its keys (gatehouse.schema/1), and what the readers of
// the host's own sections ask for. Messages, manuals and the schema for editors are made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

struct ConfigKey {
    enum class Type { string, path, address, integer, boolean, duration, size, mode, table, tls_client, tls_server };
    enum class Many { one, list, one_or_list };

    std::string name;
    Type type = Type::string;
    Many many = Many::one;
    bool required = false;
    std::string meaning;  // one line for people
    std::string fallback; // the default, as TOML and JSON write it: "5s" in quotes, 3, true; empty: there is none
    std::string absent;   // what holds if the key is absent and there is no default, in words; may be empty
    // Of an integer, a duration in milliseconds, a size in bytes.
    std::optional<std::int64_t> minimum;
    std::optional<std::int64_t> maximum;
    std::string unit;               // for people
    std::vector<std::string> words; // the only values of a string; a boolean takes them too
    std::vector<ConfigKey> fields;  // the keys of a table

    bool operator==(const ConfigKey&) const = default;
};

// A key as it may stand in a path: bare, or in quotes if it has to be.
std::string key_in_path(std::string_view key);

// The key that the dotted `path` leads to, through tables; what is missing of it is added at the end.
ConfigKey& key_at(std::vector<ConfigKey>& keys, std::string_view path);

// A number of this type as TOML has it: 3, "5s" or "64KiB" in quotes; 0 has no unit.
std::string number_text(const ConfigKey& key, std::int64_t value);

// For people: "string", "list of strings", "table"; "0 to 100", "at least \"10ms\"", `"a" or "b"`, or nothing.
std::string type_text(const ConfigKey& key);
std::string limits_text(const ConfigKey& key);
// The default as it stands in a manual: "required", the value as TOML has it, or words.
std::string default_text(const ConfigKey& key);

} // namespace gatehouse::host
