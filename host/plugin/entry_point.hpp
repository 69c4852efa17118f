// Plugin files: finding them, and their entry symbol, gatehouse_plugin_v1.
#pragma once

#include <filesystem>
#include <gatehouse/gatehouse.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::host {

// One or more lines for people: which plugin, which file, what is wrong with it, what to do.
class PluginError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// What a library says of itself.
struct PluginFacts {
    std::string name;
    std::string version;
    std::string needs; // the ABI, "MAJOR.MINOR"
};

// The file of `library`: itself if it has a slash, else LIBRARY.so in the first folder that has it; throws PluginError. [any]
std::filesystem::path find_plugin(const std::string& library, const std::vector<std::filesystem::path>& folders);

// Every *.so in the folders, in order of their names. [any]
std::vector<std::filesystem::path> list_plugins(const std::vector<std::filesystem::path>& folders);

// Loads `file` into this process, which runs the library's constructors, and asks it for its hooks; those that the library is
// too old for are null. The library stays loaded for ever: thread-exit destructors and GNU-unique symbols would make unloading
// it a crash sooner or later. Throws PluginError if it is no plugin, or not one for this host. [main]
gatehouse_plugin load_hooks(const std::filesystem::path& file);

PluginFacts facts_of(const gatehouse_plugin& hooks);

} // namespace gatehouse::host
