#include "config/load.hpp"

#include "config/host_section.hpp"
#include "config/include.hpp"
#include "config/listeners_section.hpp"
#include "config/log_section.hpp"
#include "config/maps_section.hpp"
#include "config/plugins_section.hpp"
#include "config/process_section.hpp"
#include "config/references.hpp"
#include "config/table.hpp"
#include "config/tls_section.hpp"

namespace gatehouse::host {
namespace {

std::string joined(const std::vector<ConfigProblem>& problems) {
    std::string text;
    for (const ConfigProblem& problem : problems) text += (text.empty() ? "" : "\n") + problem.text();
    return text;
}

// Its values have been followed before the sections are read.
void read_include(ConfigTable& root) {
    constexpr std::string_view key = "include";
    root.known(key);
    root.describe(key, [](ConfigKey& of) {
        of.type = ConfigKey::Type::path;
        of.many = ConfigKey::Many::one_or_list;
    });
}

Config read(ConfigReading& reading) {
    ConfigTable root = root_table(reading);
    Config config;
    read_include(root);
    config.host = read_host(root.table("host"));
    config.process = read_process(root.table("process"));
    config.log = read_log(root.table("log"), config.log_files);
    config.tls = read_tls_sections(root.table("tls"));
    config.maps = read_maps(root.table("maps"));
    config.plugins = read_plugins(root.table("plugins"), reading);
    config.listeners = read_listeners(root, !config.host.control.empty());
    root.reject_unknown();
    resolve_references(config, reading);
    return config;
}

// `good`: whether there is a document to read.
Config finish(bool good, const std::filesystem::path& file, ConfigReading& reading) {
    Config config;
    if (good) config = read(reading);
    if (!reading.problems.empty()) throw ConfigError(reading.problems.all());
    config.file = file;
    for (const ConfigFile& one : reading.document->files) config.files.list.push_back(one.path);
    config.files.document = reading.document;
    return config;
}

} // namespace

ConfigError::ConfigError(std::vector<ConfigProblem> problems)
    : std::runtime_error(joined(problems)), problems_(std::move(problems)) {}

Config load_config(const std::filesystem::path& file) {
    ConfigReading reading(std::make_shared<ConfigDocument>());
    return finish(read_files(file, reading), file, reading);
}

Config parse_config(std::string_view text, const std::filesystem::path& file) {
    ConfigReading reading(std::make_shared<ConfigDocument>());
    return finish(read_only_text(std::string(text), file, reading), file, reading);
}

// Two files: one without anything, which shows what may not be missing, and one with each kind of section. A route that ends
// TLS may have no plugin of its own.
std::vector<ConfigKey> config_keys() {
    std::vector<ConfigKey> keys;
    for (const char* const text :
         {"", "[tls.NAME]\n[[tls.NAME.sni]]\n[maps.NAME]\n[plugins.NAME]\n[[listeners]]\non_silence = {}\n"
              "proxy_protocol = {}\n[[listeners.routes]]\ntls = 'NAME'\n"
              "[[log.outputs]]\nkind = 'file'\nfile = 'NAME'\n"}) {
        ConfigReading reading(std::make_shared<ConfigDocument>());
        if (!read_only_text(text, "", reading)) return {}; // they are right
        reading.keys = std::move(keys);
        read(reading);
        keys = std::move(*reading.keys);
    }
    return keys;
}

} // namespace gatehouse::host
