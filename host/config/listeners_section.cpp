#include "config/listeners_section.hpp"

#include "base/printable.hpp"
#include "config/access_section.hpp"
#include "config/routes_section.hpp"
#include "config/values.hpp"
#include "config/words.hpp"
#include "net/overlap.hpp"
#include "net/server_name.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <netinet/in.h>

namespace gatehouse::host {
namespace {

constexpr std::string_view an_address = R"("host:port", "[IPv6]:port", "unix:/path", "unix:@name" or "fd:NAME")";
constexpr std::int64_t max_threads = 32'768; // about Linux' default limit for a whole system
constexpr std::int64_t max_connections = 1'000'000;
constexpr std::uint64_t max_socket_buffer = 1ULL << 30;
constexpr std::uint64_t max_linger_bytes = 1ULL << 30;

std::optional<Address> read_address(ConfigTable& table) {
    std::string_view text;
    const ConfigTable::Found found = table.string("address", text);
    if (found == ConfigTable::Found::absent) table.missing("address", an_address);
    if (found != ConfigTable::Found::good) return std::nullopt;
    std::string error;
    std::optional<Address> address = parse_address(text, error);
    if (address && address->kind == Address::Kind::unix_socket && !address->path.starts_with('@'))
        address = parse_address("unix:" + (table.folder() / address->path).native(), error); // which may have become too long
    if (!address) table.reject("address", error);
    return address;
}

// The host would ignore options that the kind of address does not have, and the user would not notice.
void reject_options_of_other_kinds(ConfigTable& table, Address::Kind kind) {
    const auto reject = [&](std::initializer_list<std::string_view> keys, const char* why) {
        for (const std::string_view key : keys)
            if (table.has(key)) table.reject(key, why);
    };
    if (kind != Address::Kind::unix_socket)
        reject({"mode", "owner", "group"}, "only unix sockets have it (expected address = \"unix:...\")");
    if (kind == Address::Kind::unix_socket)
        reject({"allow", "deny", "allow_file", "deny_file", "max_per_source", "rate", "source_bits", "reuse_address",
                "ipv6_only", "nodelay", "defer_accept", "fast_open"},
               "only TCP listeners have it (the address is a unix socket)");
}

void read_threads(ConfigTable table, Threads& threads) {
    constexpr std::string_view keep = "keep";
    table.number("min", threads.min, 0, max_threads);
    table.number("max", threads.max, 1, max_threads);
    if (threads.min > threads.max)
        table.reject(table.has("min") ? "min" : "max", "min is greater than max: " + std::to_string(threads.min) + " > " +
                                                           std::to_string(threads.max) + " (expected min <= max)");
    table.duration(keep, threads.keep, std::chrono::days(1));
    if (threads.keep < std::chrono::milliseconds(10)) table.reject(keep, "too short (expected at least \"10ms\")");
    table.reject_unknown();
}

void read_min_rate(ConfigTable& table, ListenerConfig& listener) {
    constexpr std::string_view window = "min_rate_window";
    table.size("min_rate", listener.min_rate, 0, 1 << 30);
    table.duration(window, listener.min_rate_window, std::chrono::hours(1));
    if (listener.min_rate_window < std::chrono::seconds(1)) table.reject(window, "too short (expected at least \"1s\")");
    if (listener.min_rate == 0 && listener.min_rate_window != ListenerConfig().min_rate_window)
        table.reject(window, "without effect (expected min_rate beside it)");
    if (listener.min_rate > 0 && listener.idle_timeout.count() > 0 && listener.min_rate_window > listener.idle_timeout)
        table.reject("min_rate", "never measured: min_rate_window is " + format_duration(listener.min_rate_window) +
                                     ", but idle_timeout is only " + format_duration(listener.idle_timeout) +
                                     " (expected a longer idle_timeout, or a shorter window)");
}

// The kernel counts in whole seconds.
void read_keepalive(ConfigTable& table, Keepalive& keepalive) {
    const auto seconds = [&](std::string_view key, int& value) {
        Milliseconds time{0};
        table.duration(key, time, std::chrono::hours(9)); // 32767 seconds are the kernel's limit
        value = static_cast<int>((time.count() + 999) / 1000);
    };
    table.boolean("keepalive", keepalive.on);
    seconds("keepalive_idle", keepalive.idle);
    seconds("keepalive_interval", keepalive.interval);
    table.number("keepalive_probes", keepalive.probes, 0, 127);
    for (const std::string_view key : {"keepalive_idle", "keepalive_interval", "keepalive_probes"})
        if (!keepalive.on && table.has(key)) table.reject(key, "without effect (keepalive is false)");
}

ListenerConfig read_listener(ConfigTable& table) {
    ListenerConfig listener;
    listener.where = table.place();
    listener.plugin_where = table.place("plugin");
    listener.tls_where = table.place("tls");
    listener.name = read_name(table, "name", "a name for the log and for status");
    const std::optional<Address> address = read_address(table);
    if (address) listener.address = *address;
    std::string_view text;
    if (table.has("plugin") || !table.has("routes"))
        listener.plugin = read_name(table, "plugin", "the name of a plugin");
    else
        table.string("plugin", text); // absent, but known
    if (read_text(table, "tls", text)) listener.tls = text;

    table.number("backlog", listener.backlog, 1, 65'535);
    table.number("max_connections", listener.max_connections, 1, max_connections);
    listener.max_connections_where = table.place("max_connections");
    table.choice("when_full", listener.when_full, when_full_words);
    listener.proxy_protocol = read_proxy_protocol(table.table("proxy_protocol"));
    listener.access = read_access_lists(table, listener.proxies());
    listener.sources = read_source_limits(table);
    if (listener.sources.most >= listener.max_connections)
        table.reject("max_per_source", "never reached: " + std::to_string(listener.sources.most) +
                                           " (expected less than max_connections, which is " +
                                           std::to_string(listener.max_connections) + ")");
    read_threads(table.table("threads"), listener.threads);
    table.choice("pool", listener.pool, pool_words);
    if (listener.pool == PoolKind::shared && (table.has("routes") || table.has("on_silence")))
        table.reject("pool",
                     "a shared pool runs one plugin only, and this listener may use several (expected no `routes` and no "
                     "`on_silence`, or a pool of its own)");

    table.duration("first_byte_timeout", listener.first_byte_timeout);
    table.duration("idle_timeout", listener.idle_timeout);
    table.duration("lifetime", listener.lifetime);
    table.duration("linger_timeout", listener.linger_timeout, std::chrono::hours(1));
    table.duration("linger_idle_timeout", listener.linger_idle_timeout, std::chrono::hours(1), Milliseconds(1));
    table.size("linger_bytes", listener.linger_bytes, 0, max_linger_bytes);
    table.duration("half_close_timeout", listener.half_close_timeout);
    read_min_rate(table, listener);
    read_before_serving(table, listener);

    table.boolean("reuse_address", listener.reuse_address);
    table.boolean("ipv6_only", listener.ipv6_only);
    table.boolean("nodelay", listener.nodelay);
    read_keepalive(table, listener.keepalive);
    table.size("receive_buffer", listener.receive_buffer, 0, max_socket_buffer);
    table.size("send_buffer", listener.send_buffer, 0, max_socket_buffer);
    table.duration("defer_accept", listener.defer_accept, std::chrono::hours(1));
    table.number("fast_open", listener.fast_open, 0, 65'535);

    table.mode("mode", listener.mode);
    if (read_text(table, "owner", text)) listener.owner = text;
    if (read_text(table, "group", text)) listener.group = text;

    if (address) reject_options_of_other_kinds(table, address->kind);
    table.reject_unknown();
    return listener;
}

// The text of an address that is not numeric; the same name is the same in every spelling.
std::string identity(const Address& address) {
    const ServerName name(address.host);
    Address named = address;
    if (!name.empty() && address.host.find('%') == std::string::npos) named.host = name.text();
    return to_string(named);
}

// Finds names and addresses that an earlier listener has.
class Uniqueness {
  public:
    void check(ConfigTable& table, const ListenerConfig& listener) {
        if (!listener.name.empty()) check(names_, table, "name", listener.name);
        const Address& address = listener.address;
        if (address == Address{}) return; // it is wrong in another way
        if (const auto numeric = numeric_address(address))
            check(*numeric, listener.ipv6_only, table);
        else if (address.kind != Address::Kind::tcp || address.port != 0) // port 0 is another port each time
            check(texts_, table, "address", identity(address));
    }

  private:
    using Taken = std::map<std::string, Place>;
    struct Numeric {
        SocketAddress address;
        bool ipv6_only;
        Place place;
    };

    static void check(Taken& taken, ConfigTable& table, std::string_view key, const std::string& value) {
        const auto [first, is_new] = taken.emplace(value, table.place(key));
        if (!is_new) table.reject(key, in_quotes(value) + " is already used by the listener at " + first->second.text);
    }

    // Sockets overlap if they are equal, or if one of them has every address of the port: its key here is empty. Others need
    // not be compared.
    using Port = std::map<std::string, std::vector<Numeric>>;

    static std::string key_of(const SocketAddress& address) {
        const auto bytes = [](const auto& part) { return std::string(reinterpret_cast<const char*>(&part), sizeof part); };
        if (address.storage.ss_family == AF_UNIX) return {reinterpret_cast<const char*>(&address.storage), address.size};
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
        if (address.storage.ss_family == AF_INET) return v4.sin_addr.s_addr == INADDR_ANY ? "" : bytes(v4.sin_addr);
        if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) return "";
        const std::string whole = bytes(v6.sin6_addr);
        if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return whole;
        return whole.ends_with(std::string(4, '\0')) ? "" : whole.substr(12);
    }

    void check(const SocketAddress& address, bool ipv6_only, ConfigTable& table) {
        const bool is_unix = address.storage.ss_family == AF_UNIX;
        const in_port_t number = is_unix ? 0 : reinterpret_cast<const sockaddr_in&>(address.storage).sin_port;
        if (number == 0 && !is_unix) return; // another port each time
        Port& port = numeric_[number];
        const std::string key = key_of(address);
        const Numeric* first = nullptr;
        const auto look_at = [&](const std::vector<Numeric>& others) {
            for (const Numeric& other : others)
                if (overlap(other.address, other.ipv6_only, address, ipv6_only) &&
                    (first == nullptr || other.place.position < first->place.position))
                    first = &other;
        };
        if (key.empty())
            for (const auto& [each, others] : port) look_at(others);
        else
            for (const std::string& each : {key, std::string()}) look_at(port[each]);
        if (first == nullptr) return port[key].push_back({address, ipv6_only, table.place("address")});
        const std::string ours = to_string(address);
        const std::string theirs = to_string(first->address);
        if (ours == theirs)
            return table.reject("address", in_quotes(ours) + " is already used by the listener at " + first->place.text);
        const bool both = address.storage.ss_family != first->address.storage.ss_family;
        table.reject("address", in_quotes(ours) + " and " + in_quotes(theirs) + " of the listener at " + first->place.text +
                                    " overlap (expected another port" +
                                    (both ? ", or ipv6_only = true for the IPv6 one, which takes IPv4 clients too)"
                                          : ", or one listener for both)"));
    }

    Taken names_;
    Taken texts_;                       // addresses of other kinds
    std::map<in_port_t, Port> numeric_; // unix sockets at 0
};

// A shared pool has one number of threads.
class SharedPools {
  public:
    void check(ConfigTable& table, const ListenerConfig& listener) {
        if (listener.pool != PoolKind::shared) return;
        const auto [first, is_new] = pools_.emplace(listener.plugin, Pool{listener.threads, listener.where});
        if (is_new || first->second.threads == listener.threads) return;
        table.reject(table.has("threads") ? "threads" : "pool",
                     "other threads than those of the listener at " + first->second.where.text +
                         ", which shares this pool (expected the same `threads`, or a pool of its own)");
    }

  private:
    struct Pool {
        Threads threads;
        Place where; // of the first listener that uses it
    };
    std::map<std::string, Pool> pools_; // by the plugin
};

} // namespace

std::vector<ListenerConfig> read_listeners(ConfigTable& root, bool may_be_none) {
    constexpr std::string_view key = "listeners";
    constexpr std::string_view expected = "[[listeners]] sections, with two brackets";
    if (!root.has(key) && !may_be_none)
        root.reject(key, "missing (expected at least one [[listeners]] section, or host.control)");
    std::vector<ConfigTable> sections = root.items(key, expected);
    if (root.is_array(key) && sections.empty()) root.reject(key, "empty (expected at least one [[listeners]] section)");
    if (sections.size() > max_listeners)
        root.reject(key,
                    std::to_string(sections.size()) + " sections (expected at most " + std::to_string(max_listeners) + ")");
    std::vector<ListenerConfig> listeners;
    listeners.reserve(sections.size());
    Uniqueness uniqueness;
    SharedPools pools;
    for (ConfigTable& section : sections) {
        if (!section.is_table()) {
            section.expect_table(expected);
            continue;
        }
        listeners.push_back(read_listener(section));
        uniqueness.check(section, listeners.back());
        pools.check(section, listeners.back());
    }
    return listeners;
}

} // namespace gatehouse::host
