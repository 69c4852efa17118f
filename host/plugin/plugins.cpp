#include "plugin/plugins.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <iterator>

namespace gatehouse::host {

// A file that was chosen may have gone since.
std::filesystem::path file_of(const PluginConfig& plugin, const std::vector<std::filesystem::path>& folders,
                              const PluginLibraries::ByFile& chosen) {
    if (chosen.contains(plugin.library)) return plugin.library;
    for (const std::filesystem::path& folder : folders)
        if (const std::filesystem::path file = folder / (plugin.library + ".so"); chosen.contains(file)) return file;
    return find_plugin(plugin.library, folders);
}

Plugins::Plugins(const Config& config, const Facilities& facilities, PluginLibraries& libraries,
                 const PluginLibraries::ByFile& chosen) {
    std::string problems;
    for (const PluginConfig& plugin : config.plugins) {
        try {
            const std::filesystem::path file = file_of(plugin, config.host.plugin_path, chosen);
            const auto found = chosen.find(file);
            const PluginLibraries::Library library = found != chosen.end() ? found->second : libraries.load(file);
            facilities.log.debug("plugin loaded", {{"plugin", plugin.name},
                                                   {"library", file.string()},
                                                   {"version", library->facts().version},
                                                   {"abi", library->facts().needs}});
            instances_[plugin.name] = std::make_unique<PluginInstance>(plugin, library, facilities);
        } catch (const PluginError& error) {
            const std::string text = error.what();
            problems +=
                (problems.empty() ? "" : "\n") + (text.starts_with("plugin library") ? plugin.where.text + ": " : "") + text;
        }
    }
    if (problems.empty()) return;
    destroy();
    throw PluginError(problems);
}

void Plugins::try_again(const Config& config, const Facilities& facilities) const {
    std::string problems;
    for (const PluginConfig& plugin : config.plugins) {
        try {
            const PluginInstance again(plugin, find(plugin.name).library(), facilities);
        } catch (const PluginError& error) {
            problems += (problems.empty() ? "" : "\n") + std::string(error.what());
        }
    }
    if (!problems.empty()) throw PluginError(problems);
}

std::vector<PluginInstance*> Plugins::all() const {
    std::vector<PluginInstance*> list;
    list.reserve(instances_.size());
    for (const auto& [name, instance] : instances_) list.push_back(instance.get());
    return list;
}

bool Plugins::are_as_loaded(const Config& config) const {
    return std::ranges::all_of(config.plugins, [&](const PluginConfig& plugin) {
        const PluginLibrary& library = *find(plugin.name).library();
        return library.file() == find_plugin(plugin.library, config.host.plugin_path) && library.is_as_loaded();
    });
}

PluginLibraries::ByFile Plugins::libraries() const {
    PluginLibraries::ByFile all;
    for (const auto& [name, instance] : instances_) all.emplace(instance->library()->file(), instance->library());
    return all;
}

void Plugins::start() {
    for (const auto& [name, instance] : instances_) instance->start();
}

void Plugins::stop() noexcept {
    for (const auto& [name, instance] : instances_) instance->stop();
}

bool Plugins::stop_callbacks(Nanoseconds deadline) noexcept {
    bool all = true;
    for (const auto& [name, instance] : instances_) {
        if (instance->stop_callbacks(deadline)) continue;
        all = false;
        instance->facilities().log.error("a timer's or descriptor's callback is still in the plugin's code; leaving without it",
                                         {{"plugin", name}});
    }
    return all;
}

void Plugins::destroy() noexcept {
    for (auto it = instances_.rbegin(); it != instances_.rend(); ++it) it->second->stop();
    while (!instances_.empty()) instances_.erase(std::prev(instances_.end()));
}

} // namespace gatehouse::host
