#include "config/plugins_section.hpp"

#include "config/plugin_settings.hpp"
#include "config/values.hpp"

namespace gatehouse::host {
namespace {

void read_grants(ConfigTable& section, PluginConfig& plugin) {
    const std::string host = "host";
    for (ConfigTable& item : section.items("grants", "an array of what the instance may use: \"host\""))
        if (item.word("", std::span(&host, 1))) plugin.sees_host = true;
    section.describe("grants", [&](ConfigKey& of) { of.words = {host}; });
}

} // namespace

std::vector<PluginConfig> read_plugins(ConfigTable table, const ConfigReading& reading) {
    std::vector<PluginConfig> plugins;
    for (const std::string& name : table.keys()) {
        ConfigTable section = table.table(name);
        check_section_name(table, name);
        if (name == reserved_instance)
            table.reject(name, "reserved: `gatehouse control` uses this name for the host itself (expected another name)");
        PluginConfig plugin{name, name, nullptr, section.place(), 0, section.place("max_connections")};
        std::string_view library;
        if (read_text(section, "library", library)) {
            // A path is one like all others in the file; a bare name is looked for on plugin_path.
            const bool path = library.find('/') != std::string_view::npos;
            plugin.library = path ? (section.folder() / library).native() : std::string(library);
        }
        section.number("max_connections", plugin.max_connections, 0, 1'000'000);
        read_grants(section, plugin);
        plugin.settings = make_plugin_settings(section.table("config"), reading);
        section.reject_unknown("; the plugin's own settings stand in \"config\"");
        plugins.push_back(std::move(plugin));
    }
    return plugins;
}

PluginConfig implicit_plugin(const std::string& name, const Place& where, ConfigReading& reading) {
    const ConfigTable none(nullptr, "plugins." + name + ".config", where.position, reading);
    return {name, name, make_plugin_settings(none, reading), where, 0, where};
}

} // namespace gatehouse::host
