#include "trial/plugin_trial.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace gatehouse::host {
namespace {

bool is_number(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
}

std::string toml_text(std::string_view text) {
    std::string all = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') all += '\\';
        all += c;
    }
    return all + '"';
}

// As it stands in a file: text needs no quotes here.
std::string value_of(const std::string& text) {
    const bool is_toml = text == "true" || text == "false" || is_number(text) || text.starts_with('"') ||
                         text.starts_with('[') || text.starts_with('{');
    return is_toml ? text : toml_text(text);
}

bool is_file(const PluginTrial& trial) { return trial.plugin.find('/') != std::string::npos || trial.plugin.ends_with(".so"); }

} // namespace

std::string instance_section(const PluginTrial& trial, const std::string& name) {
    std::string text = "[plugins." + toml_text(name) + "]\nlibrary = " +
                       toml_text(is_file(trial) ? std::filesystem::absolute(trial.plugin).string() : trial.plugin) +
                       "\ngrants = [\"host\"]\n"; // who tries it sees the host anyway
    if (!trial.settings.empty()) text += "[plugins." + toml_text(name) + ".config]\n";
    for (const std::string& setting : trial.settings) {
        const std::size_t equals = setting.find('=');
        if (equals == 0 || equals == std::string::npos || setting.find('\n') != std::string::npos)
            throw std::runtime_error("--set " + setting + ": expected KEY=VALUE");
        text += setting.substr(0, equals) + " = " + value_of(setting.substr(equals + 1)) + "\n";
    }
    return text;
}

namespace {

std::string tls_section(const PluginTrial& trial) {
    if (trial.dev_cert.empty()) return "";
    const std::filesystem::path folder = std::filesystem::absolute(trial.dev_cert);
    return "[tls.dev]\ncertificate = " + toml_text((folder / "cert.pem").string()) +
           "\nkey = " + toml_text((folder / "key.pem").string()) + "\n";
}

} // namespace

std::string configuration_of(const PluginTrial& trial) {
    const std::string name = is_file(trial) ? std::filesystem::path(trial.plugin).stem().string() : trial.plugin;
    return "[log]\nlevel = \"debug\"\n" + std::string(trial.watch ? "[host]\nwatch = true\n" : "") + tls_section(trial) +
           instance_section(trial, name) + "[[listeners]]\nname = " + toml_text(name) +
           "\naddress = \"127.0.0.1:" + std::to_string(trial.port) + "\"\nplugin = " + toml_text(name) + "\n";
}

} // namespace gatehouse::host
