// The configuration file as a JSON Schema (draft 2020-12), for editors that check and complete.
#pragma once

#include "config/key.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gatehouse::host {

// A library on the plugin path.
struct LibraryKeys {
    std::string name;                           // as `library` names it
    std::optional<std::vector<ConfigKey>> keys; // nothing: it does not say them, so any may be there
};

// It accepts every file that the host accepts, alone or included by another, and refuses what can be said of one value by
// itself: unknown keys, wrong types, words, numbers out of range, missing keys. [main]
std::string json_schema(std::span<const LibraryKeys> libraries);

} // namespace gatehouse::host
