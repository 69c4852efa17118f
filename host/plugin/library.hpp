// A plugin library in this process.
//
// It is copied to a private folder first, so that overwriting the file cannot crash a running host. The copy is then loaded in
// a probe process, and only if that went well in this one. It is never unloaded.
#pragma once

#include "config/key.hpp"
#include "plugin/entry_point.hpp"
#include "plugin/runtime_folder.hpp"

#include <filesystem>
#include <gatehouse/gatehouse.h>
#include <optional>
#include <sys/stat.h>
#include <vector>

namespace gatehouse::host {

class PluginLibrary {
  public:
    // Copies, probes and loads `file`; throws PluginError. [main]
    PluginLibrary(const std::filesystem::path& file, RuntimeFolder& folder);

    const gatehouse_plugin& hooks() const noexcept { return hooks_; } // entries that the library is too old for are null
    const PluginFacts& facts() const noexcept { return facts_; }
    // The keys of its configuration; nothing if it does not say them.
    const std::optional<std::vector<ConfigKey>>& keys() const noexcept { return keys_; }
    const std::filesystem::path& file() const noexcept { return file_; } // not the copy

    // Whether the file has the bytes that were loaded. Reads both if the file has been written since.
    bool is_as_loaded() const;

  private:
    const std::filesystem::path file_;
    struct stat written_{}; // the file when it was copied
    std::filesystem::path copy_;
    gatehouse_plugin hooks_{}; // constant after construction
    PluginFacts facts_;
    std::optional<std::vector<ConfigKey>> keys_;
};

} // namespace gatehouse::host
