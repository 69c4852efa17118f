// A plugin that is served without a configuration file: `gatehouse plugin run` and `plugin check`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::host {

struct PluginTrial {
    std::string plugin;                // a library on the plugin path, or the path of one
    std::uint16_t port = 0;            // on 127.0.0.1; 0: a free one
    std::vector<std::string> settings; // "KEY=VALUE", of its configuration
    bool watch = false;                // its library: a rebuilt one serves newcomers
    std::string dev_cert;              // a folder of `gatehouse dev-cert` for a section [tls.dev]; empty: there is none
};

// The configuration that it is served with, as the text of a file. Throws std::runtime_error if a setting is none.
std::string configuration_of(const PluginTrial& trial);

// The section [plugins.NAME] of it, for an instance of this name. Throws the same.
std::string instance_section(const PluginTrial& trial, const std::string& name);

} // namespace gatehouse::host
