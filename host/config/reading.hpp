// What the readers of one configuration file share.
#pragma once

#include "config/key.hpp"
#include "config/problems.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace toml {
inline namespace v3 {
class table;
}
} // namespace toml

namespace gatehouse::host {

struct ConfigReading {
    // `name` appears in messages; relative paths in the file start at its folder.
    ConfigReading(const std::filesystem::path& name, std::shared_ptr<const toml::table> text)
        : file(name), folder(name.parent_path()), document(std::move(text)), problems(name.native()) {}

    const std::filesystem::path file; // constant after construction, as are the next two
    const std::filesystem::path folder;
    const std::shared_ptr<const toml::table> document;
    ConfigProblems problems;
    std::optional<std::vector<ConfigKey>> keys; // if there is a list, tables add to it what is asked for; see config_keys()
};

} // namespace gatehouse::host
