#include "plugin/libraries.hpp"

namespace gatehouse::host {

PluginLibraries::Library PluginLibraries::load(const std::filesystem::path& file) {
    Library& newest = newest_[file];
    if (newest && newest->is_as_loaded()) return newest;
    const auto fresh = std::make_shared<PluginLibrary>(file, folder_);
    newest = fresh;
    const MutexLock lock(mutex_);
    all_.push_back(fresh);
    return fresh;
}

std::vector<PluginLibraries::Library> PluginLibraries::all() const {
    const MutexLock lock(mutex_);
    return all_;
}

} // namespace gatehouse::host
