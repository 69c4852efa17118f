// What a table of a configuration file says, as a flat list of its values: for comparing two of them, and for showing one.
#pragma once

#include "config/place.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace toml {
inline namespace v3 {
class node;
}
} // namespace toml

namespace gatehouse::host {

struct ConfigReading;

// A value of a table. The items of an array have their own settings if they are tables, arrays, or what JSON does not have;
// other arrays are values as a whole, and so is a table or an array without anything.
struct Setting {
    // From the table on, with the name of an item, if all items of its array have different ones under `name` and none comes
    // from elsewhere, or with its number, from 1: "servers.db1.address", "sites.2.root". A part that is no name is in quotes.
    std::string key;
    std::string value; // as TOML writes it, on one line: 80, "text", ["a", "b"], {}; but for dates and nan it is JSON as well
    // How much of the key names the item of the outermost array that the value is in: "servers.db1"; 0: none.
    std::size_t item = 0;
    bool secret = false; // it is not to be shown: it comes from elsewhere
    Place where;
    const toml::node* node = nullptr; // lives as long as the table
};

// Whether the table { file = "PATH" } under a key stands for the text of that file, though nobody has read it as one yet.
using IsText = std::function<bool(const std::string& key)>;

// Of the table at `node`, which may be null; keys are sorted within their tables. It is a part of what `reading` reads; paths
// start at `folder`.
std::vector<Setting> settings_of(const toml::node* node, const ConfigReading& reading, const std::filesystem::path& folder,
                                 const IsText& is_text);

} // namespace gatehouse::host
