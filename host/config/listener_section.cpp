#include "config/listener_section.hpp"

#include "base/printable.hpp"
#include "config/access_section.hpp"
#include "config/routes_section.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

constexpr std::string_view an_address = R"("host:port", "[IPv6]:port", "unix:/path", "unix:@name" or "fd:NAME")";
constexpr std::int64_t max_threads = 32'768; // Linux' default limit for a whole system is of this order
constexpr std::int64_t max_connections = 1'000'000;
constexpr std::uint64_t max_socket_buffer = 1ULL << 30;
constexpr std::pair<std::string_view, WhenFull> when_full_words[] = {{"wait", WhenFull::wait}, {"refuse", WhenFull::refuse}};
constexpr std::pair<std::string_view, PoolKind> pool_words[] = {{"own", PoolKind::own}, {"shared", PoolKind::shared}};

std::string_view read_required(ConfigTable& table, std::string_view key, std::string_view expected) {
    std::string_view text;
    if (table.string(key, text) == ConfigTable::Found::absent) table.missing(key, expected);
    return text;
}

std::string read_name(ConfigTable& table, std::string_view key, std::string_view expected) {
    const std::string_view text = read_required(table, key, expected);
    if (is_name(text)) return std::string(text);
    if (text.data() != nullptr) table.reject(key, in_quotes(text) + " is not a name (expected " + std::string(a_name) + ")");
    return "";
}

std::optional<Address> read_address(ConfigTable& table, const std::filesystem::path& folder) {
    const std::string_view text = read_required(table, "address", an_address);
    if (text.data() == nullptr) return std::nullopt;
    std::string error;
    std::optional<Address> address = parse_address(text, error);
    if (address && address->kind == Address::Kind::unix_socket && !address->path.starts_with('@'))
        address = parse_address("unix:" + (folder / address->path).native(), error); // which may have become too long
    if (!address) table.reject("address", error);
    return address;
}

// Options that the kind of address does not have would be ignored, and whoever has set them would not know.
void reject_options_of_other_kinds(ConfigTable& table, Address::Kind kind) {
    const auto reject = [&](std::initializer_list<std::string_view> keys, const char* why) {
        for (const std::string_view key : keys)
            if (table.has(key)) table.reject(key, why);
    };
    if (kind != Address::Kind::unix_socket)
        reject({"mode", "owner", "group"}, "for unix sockets only (expected address = \"unix:...\")");
    if (kind == Address::Kind::unix_socket)
        reject({"allow", "deny", "allow_file", "deny_file", "max_per_source", "rate", "source_bits", "reuse_address",
                "ipv6_only", "nodelay", "keepalive", "defer_accept", "fast_open"},
               "for TCP only (the address is a unix socket's)");
}

void read_threads(ConfigTable& table, Threads& threads) {
    constexpr std::string_view keep = "keep";
    table.number("min", threads.min, 0, max_threads);
    table.number("max", threads.max, 1, max_threads);
    if (threads.min > threads.max)
        table.reject(table.has("min") ? "min" : "max", "min is greater than max: " + std::to_string(threads.min) + " > " +
                                                           std::to_string(threads.max) + " (expected min <= max)");
    table.duration(keep, threads.keep, std::chrono::days(1));
    if (threads.keep < std::chrono::milliseconds(10)) table.reject(keep, "too short (expected at least \"10ms\")");
}

void read_min_rate(ConfigTable& table, ListenerConfig& listener) {
    constexpr std::string_view window = "min_rate_window";
    table.size("min_rate", listener.min_rate, 0, 1 << 30);
    table.duration(window, listener.min_rate_window, std::chrono::hours(1));
    if (listener.min_rate_window < std::chrono::seconds(1)) table.reject(window, "too short (expected at least \"1s\")");
    if (listener.min_rate == 0 && listener.min_rate_window != ListenerConfig().min_rate_window)
        table.reject(window, "without a rate (expected with min_rate)");
    if (listener.min_rate > 0 && listener.idle_timeout.count() > 0 && listener.min_rate_window > listener.idle_timeout)
        table.reject("min_rate", "never measured: min_rate_window is " + format_duration(listener.min_rate_window) +
                                     ", and idle_timeout is only " + format_duration(listener.idle_timeout));
}

} // namespace

ListenerConfig read_listener(ConfigTable& table, const std::filesystem::path& folder, std::vector<ConfigTable>& nested) {
    ListenerConfig listener;
    listener.name = read_name(table, "name", "a name for the log and for status");
    const std::optional<Address> address = read_address(table, folder);
    if (address) listener.address = *address;
    std::string_view text;
    if (table.has("plugin") || !table.has("routes"))
        listener.plugin = read_name(table, "plugin", "the name of a plugin");
    else
        table.string("plugin", text); // absent, but known
    if (read_text(table, "tls", text)) listener.tls = text;

    table.number("backlog", listener.backlog, 1, 65'535);
    table.number("max_connections", listener.max_connections, 1, max_connections);
    table.choice("when_full", listener.when_full, when_full_words);
    listener.access = read_access_lists(table, folder);
    listener.sources = read_source_limits(table, nested);
    if (listener.sources.most >= listener.max_connections)
        table.reject("max_per_source", "never reached: " + std::to_string(listener.sources.most) +
                                           " (expected less than max_connections, which is " +
                                           std::to_string(listener.max_connections) + ")");
    nested.push_back(table.table("threads"));
    read_threads(nested.back(), listener.threads);
    table.choice("pool", listener.pool, pool_words);
    if (listener.pool == PoolKind::shared && (table.has("routes") || table.has("on_silence")))
        table.reject("pool",
                     "a shared pool runs one plugin only, and this listener may use several (expected no `routes` and no "
                     "`on_silence`, or a pool of its own)");

    table.duration("first_byte_timeout", listener.first_byte_timeout);
    table.duration("idle_timeout", listener.idle_timeout);
    table.duration("lifetime", listener.lifetime);
    table.duration("linger_timeout", listener.linger_timeout, std::chrono::hours(1));
    read_min_rate(table, listener);
    read_routes(table, listener, folder, nested);

    table.boolean("reuse_address", listener.reuse_address);
    table.boolean("ipv6_only", listener.ipv6_only);
    table.boolean("nodelay", listener.nodelay);
    table.boolean("keepalive", listener.keepalive);
    table.size("receive_buffer", listener.receive_buffer, 0, max_socket_buffer);
    table.size("send_buffer", listener.send_buffer, 0, max_socket_buffer);
    table.duration("defer_accept", listener.defer_accept, std::chrono::hours(1));
    table.number("fast_open", listener.fast_open, 0, 65'535);

    table.mode("mode", listener.mode);
    if (read_text(table, "owner", text)) listener.owner = text;
    if (read_text(table, "group", text)) listener.group = text;

    if (address) reject_options_of_other_kinds(table, address->kind);
    return listener;
}

bool is_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

bool read_text(ConfigTable& table, std::string_view key, std::string_view& value) {
    if (table.string(key, value) != ConfigTable::Found::good) return false;
    const bool clean = std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (!clean) table.reject(key, in_quotes(value) + " has a control character");
    if (value.empty()) table.reject(key, "empty (leave it out for the default)");
    return clean && !value.empty();
}

} // namespace gatehouse::host
