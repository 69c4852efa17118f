#include "config/config.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/document.hpp"
#include "config/listener_section.hpp"
#include "config/plugin_settings.hpp"
#include "config/process_section.hpp"
#include "config/table.hpp"
#include "config/tls_section.hpp"
#include "control/message.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace gatehouse::host {
namespace {

constexpr std::pair<std::string_view, LogLevel> log_levels[] = {
    {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
constexpr std::pair<std::string_view, LogFormat> log_formats[] = {
    {"auto", LogFormat::automatic}, {"human", LogFormat::human}, {"json", LogFormat::json}};
constexpr std::pair<std::string_view, Scheduling> schedulings[] = {{"batch", Scheduling::batch}, {"other", Scheduling::other}};

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

// What two listeners must not have in common.
std::string identity(const Address& address) {
    if (const auto numeric = numeric_address(address)) return to_string(*numeric);
    std::string text = to_string(address);
    if (address.kind == Address::Kind::tcp) // the names of hosts do not care for case
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

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

// Reads one document, top to bottom.
class Reader {
  public:
    // `known` collects the path of every key that is asked for; null: nobody wants them.
    Reader(std::shared_ptr<const toml::table> document, const std::filesystem::path& file,
           std::vector<std::string>* known = nullptr);

    void read();
    const ConfigProblems& problems() const noexcept { return problems_; }
    Config take() { return std::move(config_); }

  private:
    void read_host(ConfigTable table);
    void read_plugin_path(ConfigTable& table);
    void read_resolvers(ConfigTable& table);
    void read_control(ConfigTable& table);
    void read_process_section(ConfigTable table);
    void read_log(ConfigTable table);
    void read_tls_sections(ConfigTable table);
    void read_plugins(ConfigTable table);
    void read_listeners(ConfigTable& root);
    void check_unique(ConfigTable& table, const ListenerConfig& listener);
    void check_shared_pool(ConfigTable& table, const ListenerConfig& listener);
    void find_plugin(ConfigTable& table, const std::string& name);
    void find_tls(ConfigTable& table, const std::string& name);
    void finish(ConfigTable& table);
    bool has_plugin(const std::string& name) const;

    // Constant after construction.
    std::shared_ptr<const toml::table> document_;
    std::filesystem::path folder_;
    std::vector<std::string>* known_;

    ConfigProblems problems_;
    Config config_;
    std::vector<std::string> sections_;             // NAME of each [plugins.NAME]
    std::map<std::string, ConfigPlace> names_;      // of listeners
    std::map<std::string, ConfigPlace> identities_; // of their addresses
    struct SharedPool {
        Threads threads;
        std::string where; // of the first listener that uses it
    };
    std::map<std::string, SharedPool> pools_; // by the plugin
};

Reader::Reader(std::shared_ptr<const toml::table> document, const std::filesystem::path& file, std::vector<std::string>* known)
    : document_(std::move(document)), folder_(file.parent_path()), known_(known), problems_(file.native()) {
    config_.file = file;
}

void Reader::read() {
    ConfigTable root = root_table(*document_, problems_);
    read_host(root.table("host"));
    read_process_section(root.table("process"));
    read_log(root.table("log"));
    read_tls_sections(root.table("tls"));
    read_plugins(root.table("plugins"));
    read_listeners(root);
    root.reject_unknown();
}

void Reader::read_host(ConfigTable table) {
    HostConfig& host = config_.host;
    read_plugin_path(table);
    table.duration("drain_timeout", host.drain_timeout, std::chrono::days(1));
    table.number("relay_threads", host.relay_threads, 0, 256);
    table.choice("scheduling", host.scheduling, schedulings);
    table.size("stack_size", host.stack_size, 64 << 10, 64 << 20);
    read_resolvers(table);
    read_control(table);
    finish(table);
}

void Reader::read_plugin_path(ConfigTable& table) {
    constexpr std::string_view key = "plugin_path";
    std::vector<std::filesystem::path>& folders = config_.host.plugin_path;
    for (std::filesystem::path& folder : folders) folder = folder_ / folder;
    std::string_view text;
    if (table.is_string(key)) {
        if (read_text(table, key, text)) folders = {folder_ / text};
        return;
    }
    std::vector<std::filesystem::path> listed;
    for (ConfigTable& item : table.items(key, "a folder or an array of folders"))
        if (read_text(item, "", text)) listed.push_back(folder_ / text);
    if (table.is_array(key) && table.count(key) == 0) table.reject(key, "empty (expected at least one folder)");
    if (table.is_array(key)) folders = std::move(listed);
}

void Reader::read_resolvers(ConfigTable& table) {
    constexpr std::size_t most = 16;
    std::vector<ConfigTable> items = table.items("resolvers", "an array of name servers");
    for (ConfigTable& item : items) {
        std::string_view text;
        if (!read_text(item, "", text)) continue;
        if (const std::string resolver = resolver_address(text); !resolver.empty())
            config_.host.resolvers.push_back(resolver);
        else
            item.reject("", in_quotes(text) + " is not the address of a name server (expected a numeric one, with a port if "
                                              "it is not 53: \"192.0.2.1\" or \"[2001:db8::1]:5353\")");
    }
    if (items.size() > most) table.reject("resolvers", "too many (expected at most " + std::to_string(most) + ")");
}

void Reader::read_control(ConfigTable& table) {
    std::string_view text;
    if (!read_text(table, "control", text)) return;
    config_.host.control = folder_ / text;
    std::string error;
    if (config_.host.control.native().starts_with('@'))
        table.reject("control", in_quotes(text) + " is a name without permissions (expected the path of a file)");
    else if (!parse_address("unix:" + config_.host.control.native(), error))
        table.reject("control", error);
}

void Reader::read_process_section(ConfigTable table) {
    config_.process = read_process(table, problems_);
    finish(table);
}

void Reader::read_log(ConfigTable table) {
    LogConfig& log = config_.log;
    table.choice("level", log.level, log_levels);
    table.choice("format", log.format, log_formats);
    std::string_view text;
    if (read_text(table, "file", text)) log.file = folder_ / text;
    table.boolean("access", log.access);
    finish(table);
}

void Reader::read_tls_sections(ConfigTable table) {
    for (const std::string& name : table.keys()) {
        ConfigTable section = table.table(name);
        if (!is_name(name)) table.reject(name, in_quotes(name) + " is not a name (expected " + std::string(a_name) + ")");
        std::vector<ConfigTable> nested;
        TlsConfig tls = read_tls(section, folder_, nested, problems_);
        tls.name = name;
        tls.where = problems_.text(section.place());
        finish(section);
        for (ConfigTable& pair : nested) finish(pair);
        config_.tls.push_back(std::move(tls));
    }
}

void Reader::read_plugins(ConfigTable table) {
    for (const std::string& name : table.keys()) {
        sections_.push_back(name);
        ConfigTable section = table.table(name);
        if (!is_name(name)) table.reject(name, in_quotes(name) + " is not a name (expected " + std::string(a_name) + ")");
        if (name == host_name)
            table.reject(name, "taken: to `gatehouse control` it is the host itself (expected another name)");
        PluginConfig plugin{name, name, nullptr, problems_.text(section.place()), 0};
        std::string_view library;
        if (read_text(section, "library", library)) {
            // A path is one like all others in the file; a bare name is looked for on plugin_path.
            plugin.library = library.find('/') != std::string_view::npos ? (folder_ / library).native() : std::string(library);
        }
        section.number("max_connections", plugin.max_connections, 0, 1'000'000);
        plugin.settings = make_plugin_config(document_, section.table("config"), config_.file.native());
        finish(section);
        config_.plugins.push_back(std::move(plugin));
    }
}

void Reader::read_listeners(ConfigTable& root) {
    constexpr std::string_view expected = "[[listeners]] sections, with two brackets";
    if (!root.has("listeners")) root.missing("listeners", "at least one [[listeners]] section");
    std::vector<ConfigTable> sections = root.items("listeners", expected);
    if (root.is_array("listeners") && sections.empty())
        root.reject("listeners", "empty (expected at least one [[listeners]] section)");
    if (sections.size() > max_listeners)
        root.reject("listeners",
                    std::to_string(sections.size()) + " sections (expected at most " + std::to_string(max_listeners) + ")");
    for (ConfigTable& section : sections) {
        if (!section.is_table()) {
            section.expect_table(expected);
            continue;
        }
        std::vector<ConfigTable> nested;
        ListenerConfig listener = read_listener(section, folder_, nested);
        listener.where = problems_.text(section.place());
        finish(section);
        check_unique(section, listener);
        if (listener.pool == PoolKind::shared) check_shared_pool(section, listener);
        if (!listener.plugin.empty()) find_plugin(section, listener.plugin);
        for (ConfigTable& table : nested) {
            finish(table);
            std::string_view plugin; // of a route or of on_silence
            if (table.is_string("plugin") && table.string("plugin", plugin) == ConfigTable::Found::good && is_name(plugin))
                find_plugin(table, std::string(plugin));
            std::string_view tls; // of a route
            if (table.is_string("tls") && table.string("tls", tls) == ConfigTable::Found::good && !tls.empty())
                find_tls(table, std::string(tls));
        }
        if (!listener.tls.empty()) find_tls(section, listener.tls);
        config_.listeners.push_back(std::move(listener));
    }
}

void Reader::check_unique(ConfigTable& table, const ListenerConfig& listener) {
    const auto check = [&](std::map<std::string, ConfigPlace>& taken, std::string_view key, const std::string& value) {
        const auto [first, is_new] = taken.emplace(value, table.place(key));
        if (!is_new) table.reject(key, in_quotes(value) + " is taken by the listener at " + problems_.text(first->second));
    };
    if (!listener.name.empty()) check(names_, "name", listener.name);
    const Address& address = listener.address;
    // Port 0 is a different port every time.
    if (address != Address{} && (address.kind != Address::Kind::tcp || address.port != 0))
        check(identities_, "address", identity(address));
}

// A shared pool has one number of threads.
void Reader::check_shared_pool(ConfigTable& table, const ListenerConfig& listener) {
    const auto [first, is_new] = pools_.emplace(listener.plugin, SharedPool{listener.threads, listener.where});
    if (is_new || first->second.threads == listener.threads) return;
    table.reject(table.has("threads") ? "threads" : "pool",
                 "other threads than those of the listener at " + first->second.where +
                     ", which shares this pool (expected the same `threads`, or a pool of its own)");
}

void Reader::find_plugin(ConfigTable& table, const std::string& name) {
    if (has_plugin(name)) return;
    if (const std::string near = did_you_mean(name, sections_); !near.empty()) {
        table.reject("plugin", "there is no [plugins." + name + "] (did you mean " + in_quotes(near) +
                                   "? If not, add an empty [plugins." + name + "] section)");
        return;
    }
    const ConfigPlace place = table.place("plugin");
    const ConfigTable settings(nullptr, "plugins." + name + ".config", place, problems_);
    config_.plugins.push_back(
        {name, name, make_plugin_config(document_, settings, config_.file.native()), problems_.text(place), 0});
}

void Reader::find_tls(ConfigTable& table, const std::string& name) {
    std::vector<std::string> names;
    names.reserve(config_.tls.size());
    for (const TlsConfig& tls : config_.tls) names.push_back(tls.name);
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    const std::string near = did_you_mean(name, names);
    table.reject("tls", "there is no [tls." + printable(name) + "]" +
                            (near.empty() ? "" : " (did you mean " + in_quotes(near) + "?)"));
}

bool Reader::has_plugin(const std::string& name) const {
    return std::any_of(config_.plugins.begin(), config_.plugins.end(),
                       [&](const PluginConfig& plugin) { return plugin.name == name; });
}

void Reader::finish(ConfigTable& table) {
    table.reject_unknown();
    if (known_ == nullptr) return;
    for (const std::string& key : table.asked()) known_->push_back(table.path() + '.' + key);
}

} // namespace

ConfigError::ConfigError(std::vector<std::string> problems)
    : std::runtime_error(joined(problems)), problems_(std::move(problems)) {}

Config load_config(const std::filesystem::path& file) { return parse_config(read_config_file(file), file); }

Config parse_config(std::string_view text, const std::filesystem::path& file) {
    Reader reader(parse_toml(text, file.native()), file);
    reader.read();
    if (!reader.problems().empty()) throw ConfigError(reader.problems().lines());
    return reader.take();
}

std::vector<std::string> known_config_keys() {
    std::vector<std::string> known;
    Reader reader(parse_toml("[tls.NAME]\n[[tls.NAME.sni]]\n[plugins.NAME]\n[[listeners]]\n[[listeners.routes]]\n", ""), "",
                  &known);
    reader.read();
    return known;
}

} // namespace gatehouse::host
