#include "config/load.hpp"

#include "config/document.hpp"
#include "config/host_section.hpp"
#include "config/listeners_section.hpp"
#include "config/log_section.hpp"
#include "config/plugins_section.hpp"
#include "config/process_section.hpp"
#include "config/references.hpp"
#include "config/table.hpp"
#include "config/tls_section.hpp"

namespace gatehouse::host {
namespace {

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

Config read(ConfigReading& reading) {
    ConfigTable root = root_table(reading);
    Config config;
    config.file = reading.file;
    config.host = read_host(root.table("host"));
    config.process = read_process(root.table("process"));
    config.log = read_log(root.table("log"));
    config.tls = read_tls_sections(root.table("tls"));
    config.plugins = read_plugins(root.table("plugins"), reading);
    config.listeners = read_listeners(root);
    root.reject_unknown();
    resolve_references(config, reading);
    return config;
}

} // namespace

ConfigError::ConfigError(std::vector<std::string> problems)
    : std::runtime_error(joined(problems)), problems_(std::move(problems)) {}

Config load_config(const std::filesystem::path& file) { return parse_config(read_config_file(file), file); }

Config parse_config(std::string_view text, const std::filesystem::path& file) {
    ConfigReading reading(file, parse_toml(std::string(text), file.native()));
    Config config = read(reading);
    if (!reading.problems.empty()) throw ConfigError(reading.problems.lines());
    return config;
}

// Two files: one without anything, which shows what may not be missing, and one with each kind of section. A route that ends
// TLS may have no plugin of its own.
std::vector<ConfigKey> config_keys() {
    std::vector<ConfigKey> keys;
    for (const char* const text : {"", "[tls.NAME]\n[[tls.NAME.sni]]\n[plugins.NAME]\n[[listeners]]\non_silence = {}\n"
                                       "proxy_protocol = {}\n[[listeners.routes]]\ntls = 'NAME'\n"}) {
        ConfigReading reading("", parse_toml(text, ""));
        reading.keys = std::move(keys);
        read(reading);
        keys = std::move(*reading.keys);
    }
    return keys;
}

} // namespace gatehouse::host
