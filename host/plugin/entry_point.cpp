#define BOOST_DLL_USE_STD_FS
#include "plugin/entry_point.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cstring>
#include <dlfcn.h>
#include <string_view>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;
using EntryPoint = const gatehouse_plugin*() noexcept;

constexpr const char* entry_point = "gatehouse_plugin_v1";
constexpr std::size_t smallest_table = offsetof(gatehouse_plugin, serve) + sizeof(gatehouse_plugin::serve);
constexpr std::uint32_t known_flags = GATEHOUSE_SERVER_FIRST;

// NODELETE: the library stays when the returned object goes.
boost::dll::shared_library open_library(const fs::path& file) {
    using Mode = boost::dll::load_mode::type;
    try {
        return boost::dll::shared_library(file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                                                    static_cast<Mode>(RTLD_NODELETE));
    } catch (const std::exception& error) { // has dlerror()'s text
        throw PluginError(error.what());
    }
}

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

} // namespace

// The library's table is checked against this host's ABI before anything else in it is used.
gatehouse_plugin load_hooks(const fs::path& file) {
    const boost::dll::shared_library library = open_library(file);
    if (!library.has(entry_point))
        throw PluginError(std::string("it does not export ") + entry_point + "(); is it a Gatehouse plugin?");
    const gatehouse_plugin* table = library.get<EntryPoint>(entry_point)();
    if (table == nullptr) throw PluginError(std::string(entry_point) + "() returned NULL");
    // What a table has to have depends on the version, which stands in its first entries.
    const bool says_version = table->size >= offsetof(gatehouse_plugin, flags);
    if (says_version && (table->abi_major != GATEHOUSE_ABI_MAJOR || table->needs_minor < GATEHOUSE_ABI_OLDEST ||
                         table->needs_minor > GATEHOUSE_ABI_MINOR))
        throw PluginError("it needs Gatehouse ABI " + std::to_string(table->abi_major) + "." +
                          std::to_string(table->needs_minor) + ", this host has " + std::to_string(GATEHOUSE_ABI_MAJOR) + "." +
                          std::to_string(GATEHOUSE_ABI_MINOR) + "; rebuild it against this host's SDK");
    if (table->size < smallest_table)
        throw PluginError("its table has " + std::to_string(table->size) + " bytes, at least " +
                          std::to_string(smallest_table) + " are needed");
    gatehouse_plugin hooks{};
    std::memcpy(&hooks, table, std::min<std::size_t>(table->size, sizeof hooks));
    if ((hooks.flags & ~known_flags) != 0)
        throw PluginError("it sets flags that this host does not know (" + std::to_string(hooks.flags) + ")");
    if (!valid_name({hooks.name.data, hooks.name.size}))
        throw PluginError("its name is invalid (expected 1 to 64 lower-case letters, digits, - and _)");
    if (hooks.serve == nullptr) throw PluginError("it has no serve()");
    return hooks;
}

PluginFacts facts_of(const gatehouse_plugin& hooks) {
    return {std::string(hooks.name.data, hooks.name.size), std::string(hooks.version.data, hooks.version.size),
            std::to_string(hooks.abi_major) + "." + std::to_string(hooks.needs_minor)};
}

fs::path find_plugin(const std::string& library, const std::vector<fs::path>& folders) {
    std::string tried;
    if (library.find('/') != std::string::npos) {
        if (fs::is_regular_file(library)) return library;
        tried = library;
    } else {
        for (const fs::path& folder : folders) {
            const fs::path file = folder / (library + ".so");
            if (fs::is_regular_file(file)) return file;
            tried += (tried.empty() ? "" : ", ") + file.string();
        }
    }
    std::vector<std::string> others;
    for (const fs::path& file : list_plugins(folders))
        if (fs::is_regular_file(file)) others.push_back(file.stem().string());
    const std::string near = did_you_mean(library, others);
    throw PluginError("plugin library " + library + " not found; tried " +
                      (tried.empty() ? "nothing: plugin_path is empty" : tried) +
                      (near.empty() ? "" : " (did you mean " + in_quotes(near) + "?)"));
}

std::vector<fs::path> list_plugins(const std::vector<fs::path>& folders) {
    std::vector<fs::path> files;
    for (const fs::path& folder : folders) {
        std::error_code error;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
            if (entry.path().extension() == ".so") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace gatehouse::host
