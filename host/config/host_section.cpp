#include "config/host_section.hpp"

#include "base/installation.hpp"
#include "base/printable.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

namespace gatehouse::host {
namespace {

// "192.0.2.1", "192.0.2.1:5353", "2001:db8::1" or "[2001:db8::1]:5353", with its port; "" if it is none of these.
std::string resolver_address(std::string_view text) {
    constexpr std::string_view usual = ":53";
    for (const std::string& form :
         {std::string(text), std::string(text).append(usual), '[' + std::string(text) + ']' + ":53"}) {
        std::string error;
        const std::optional<Address> address = parse_address(form, error);
        if (!address || address->kind != Address::Kind::tcp || address->host.empty() || address->host == "*") continue;
        if (address->port == 0 || address->host.find('%') != std::string::npos) return ""; // c-ares takes no zones
        return numeric_address(*address) ? to_string(*address) : "";
    }
    return "";
}

void read_plugin_path(ConfigTable& table, std::vector<std::filesystem::path>& folders) {
    constexpr std::string_view key = "plugin_path";
    for (std::filesystem::path& folder : folders) folder = table.first_folder() / folder;
    std::vector<std::filesystem::path> listed;
    std::filesystem::path path;
    for (ConfigTable& item : table.one_or_more(key, "a folder or an array of folders"))
        if (read_path(item, "", path)) listed.push_back(path);
    if (table.is_array(key) || !listed.empty()) folders = std::move(listed);
}

void read_resolvers(ConfigTable& table, std::vector<std::string>& resolvers) {
    constexpr std::size_t most = 16;
    std::vector<ConfigTable> items = table.items("resolvers", "an array of name servers");
    for (ConfigTable& item : items) {
        std::string_view text;
        if (!read_text(item, "", text)) continue;
        if (const std::string resolver = resolver_address(text); !resolver.empty())
            resolvers.push_back(resolver);
        else
            item.reject("", in_quotes(text) + " is not the address of a name server (expected an IP address, with a port if "
                                              "it is not 53: \"192.0.2.1\" or \"[2001:db8::1]:5353\")");
    }
    if (items.size() > most) table.reject("resolvers", "too many (expected at most " + std::to_string(most) + ")");
}

void read_control(ConfigTable& table, std::filesystem::path& control) {
    if (!read_path(table, "control", control)) return;
    std::string error;
    if (control.native().starts_with('@'))
        table.reject("control", in_quotes(control.native()) +
                                    " is an abstract socket, which has no file permissions (expected the path of a file)");
    else if (!parse_address("unix:" + control.native(), error))
        table.reject("control", error);
}

} // namespace

std::vector<std::filesystem::path> default_plugin_path() {
    std::vector<std::filesystem::path> folders{"plugins"};
    if (const std::filesystem::path installed = installed_plugins(); is_directory(installed)) folders.push_back(installed);
    return folders;
}

HostConfig read_host(ConfigTable table) {
    HostConfig host;
    read_plugin_path(table, host.plugin_path);
    table.duration("drain_timeout", host.drain_timeout, std::chrono::days(1));
    table.duration("drain_delay", host.drain_delay, std::chrono::days(1));
    table.duration("old_timeout", host.old_timeout);
    table.boolean("watch", host.watch);
    table.number("relay_threads", host.relay_threads, 0, 256);
    table.choice("scheduling", host.scheduling, scheduling_words);
    table.size("stack_size", host.stack_size, 64 << 10, 64 << 20);
    read_resolvers(table, host.resolvers);
    read_control(table, host.control);
    host.control_where = table.place("control");
    for (const auto& [key, group] :
         {std::pair{"control_readers", &host.control_readers}, std::pair{"control_operators", &host.control_operators}}) {
        if (std::string_view text; read_text(table, key, text)) *group = text;
        if (!group->empty() && host.control.empty()) table.reject(key, "there is no control, so there is nothing to ask");
    }
    table.reject_unknown();
    return host;
}

} // namespace gatehouse::host
