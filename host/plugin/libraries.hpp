// The plugin libraries that this process has loaded. They outlive generations: a reload gets the same one again while its file
// says the same, and a changed file is loaded beside the old one.
#pragma once

#include "base/mutex.hpp"
#include "plugin/library.hpp"
#include "plugin/runtime_folder.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

class PluginLibraries {
  public:
    using Library = std::shared_ptr<const PluginLibrary>;
    using ByFile = std::map<std::filesystem::path, Library>;

    // The library of this file as it is now. Throws PluginError. [who makes a generation: one thread at a time]
    Library load(const std::filesystem::path& file);
    // What a library says of itself that load() would have to load: it is tried in a process of its own, and no more. The same.
    PluginFacts look_at(const std::filesystem::path& file) const;

    // From now on no library is loaded that is not: `why` completes "cannot be loaded: ". [main, at the start]
    void seal(std::string why) { sealed_ = std::move(why); }

    // All that have been loaded, in that order; each costs its memory until the process ends. Throws std::bad_alloc. [any]
    std::vector<Library> all() const;

    // Makes the folder of the private copies this account's, so that it can remove them. Throws
    // std::filesystem::filesystem_error. [main, at the start]
    void hand_over(unsigned user, unsigned group) { folder_.hand_over(user, group); }

    // Removes the private copies, which stay loaded. [main]
    void remove_files() noexcept { folder_.remove(); }

  private:
    void expect_open(const std::filesystem::path& file) const;

    RuntimeFolder folder_;
    std::string sealed_; // why; empty: it is not
    ByFile newest_;
    mutable Mutex mutex_;
    std::vector<Library> all_ GATEHOUSE_GUARDED_BY(mutex_);
};

} // namespace gatehouse::host
