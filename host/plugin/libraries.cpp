#include "plugin/libraries.hpp"

#include "plugin/probe_process.hpp"

namespace gatehouse::host {

PluginLibraries::Library PluginLibraries::load(const std::filesystem::path& file) {
    Library& newest = newest_[file];
    if (newest && newest->is_as_loaded()) return newest;
    expect_open(file);
    const auto fresh = std::make_shared<PluginLibrary>(file, folder_);
    newest = fresh;
    const MutexLock lock(mutex_);
    all_.push_back(fresh);
    return fresh;
}

PluginFacts PluginLibraries::look_at(const std::filesystem::path& file) const {
    expect_open(file);
    try {
        return probe_plugin(file);
    } catch (const PluginError& error) {
        throw PluginError("plugin library " + file.string() + " cannot be loaded: " + error.what());
    }
}

void PluginLibraries::expect_open(const std::filesystem::path& file) const {
    if (!sealed_.empty()) throw PluginError("plugin library " + file.string() + " cannot be loaded: " + sealed_);
}

std::vector<PluginLibraries::Library> PluginLibraries::all() const {
    const MutexLock lock(mutex_);
    return all_;
}

} // namespace gatehouse::host
