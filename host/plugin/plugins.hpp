// The plugin instances of a configuration, each made once, and the libraries they come from.
#pragma once

#include "config/config.hpp"
#include "plugin/facilities.hpp"
#include "plugin/instance.hpp"
#include "plugin/libraries.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

// The instance of this name, which is in the configuration.
using FindPlugin = std::function<PluginInstance&(const std::string& name)>;

// The file of a plugin's library: one of those that are `chosen`, if its name leads there, else what is there now. Throws
// PluginError. [any]
std::filesystem::path file_of(const PluginConfig& plugin, const std::vector<std::filesystem::path>& folders,
                              const PluginLibraries::ByFile& chosen);

class Plugins {
  public:
    // Loads the libraries and creates the instances; throws PluginError with everything that is wrong. `facilities` and
    // `libraries` outlive this. `chosen`: what to take for some of the files, whatever they say now. [one thread at a time]
    Plugins(const Config& config, const Facilities& facilities, PluginLibraries& libraries,
            const PluginLibraries::ByFile& chosen = {});
    ~Plugins() { destroy(); }
    Plugins(const Plugins&) = delete;
    Plugins& operator=(const Plugins&) = delete;

    // Creates and destroys each instance once more, as the process is by now. Throws PluginError as above. [main]
    void try_again(const Config& config, const Facilities& facilities) const;

    // Whether the libraries that `config` names, which is the same configuration read again, are those that were loaded. Throws
    // PluginError if one is not there any more. [any]
    bool are_as_loaded(const Config& config) const;

    PluginLibraries::ByFile libraries() const; // of the instances. Throws std::bad_alloc

    PluginInstance& find(const std::string& name) const { return *instances_.at(name); }
    FindPlugin finder() const { // valid as long as this is
        return [this](const std::string& name) -> PluginInstance& { return find(name); };
    }
    std::vector<PluginInstance*> all() const; // in order of their names

    // Starts every instance. Throws PluginError if one fails: then destroy() is next. [main]
    void start();
    void stop() noexcept; // every instance. [main]

    // Ends the callbacks of timers and descriptors; false if some still run at `deadline`, of which the log then speaks. [main]
    bool stop_callbacks(Nanoseconds deadline) noexcept;

    // Stops and destroys the instances, the last one first; their own threads may call the host until then. [main]
    void destroy() noexcept;

  private:
    std::map<std::string, std::unique_ptr<PluginInstance>> instances_; // by name
};

} // namespace gatehouse::host
