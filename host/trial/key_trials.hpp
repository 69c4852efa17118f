// Configurations that try a plugin's keys one by one.
#pragma once

#include "config/key.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

struct KeyTrial {
    enum class Expected {
        accepted, // create() takes it
        refused,  // the host or create() refuses it, and names the key
        either,   // it is taken, or refused with words
    };

    std::string what;                  // "times = 11"
    std::string key;                   // "health.interval"
    std::vector<std::string> settings; // as PluginTrial has them
    Expected expected = Expected::either;
};

// For a plugin that is created with `settings` and has these keys: an unknown key, and for each of its keys a value of another
// type, its default, its limits, its words, and texts that are empty, long and odd. Keys of tables in lists, and of a table
// that `settings` gives as a whole, are left out.
std::vector<KeyTrial> key_trials(const std::vector<std::string>& settings, const std::vector<ConfigKey>& keys);

} // namespace gatehouse::host
