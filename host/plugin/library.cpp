#include "plugin/library.hpp"

#include "plugin/probe_process.hpp"
#include "plugin/schema.hpp"

#include <string>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

} // namespace

PluginLibrary::PluginLibrary(const fs::path& file, RuntimeFolder& folder) : file_(file) {
    const fs::path copy = folder.copy(file);
    try {
        probe_plugin(copy);
        hooks_ = load_hooks(copy);
        facts_ = facts_of(hooks_);
        keys_ = read_keys(hooks_);
    } catch (const PluginError& error) { // speaks of the copy
        throw PluginError("plugin library " + file.string() +
                          " cannot be loaded: " + replaced(error.what(), copy.string(), file.string()));
    }
}

} // namespace gatehouse::host
