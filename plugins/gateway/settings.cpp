#include "settings.hpp"

#include "keys.hpp"
#include "text.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace gateway {
namespace {

using gatehouse::Config;

constexpr std::string_view an_address = "expected \"host:port\", \"[v6]:port\", \"unix:/path\" or \"srv:NAME\"";
constexpr std::size_t most_steps = 32; // of a check

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

class Reader {
  public:
    explicit Reader(Settings& settings) : settings_(settings) {}

    void read(const gatehouse::Init& init) {
        const Config& config = init.config();
        read_from(config);
        if (settings_.from == UpstreamFrom::servers) read_sources(config);
        const auto is_unix = [](const Source& source) { return source.kind == AddressKind::unix_socket; };
        settings_.has_unix_sockets =
            std::ranges::any_of(settings_.sources, is_unix) ||
            std::ranges::any_of(settings_.pools, [&](const auto& pool) { return std::ranges::any_of(pool.second, is_unix); });
        settings_.tls = init.tls_client(config, "tls", !settings_.has_unix_sockets);
        read_balance(config);
        if (const auto table = config.table("queue")) read_queue(*table);
        if (const auto table = config.table("health")) read_health(*table);
        if (const auto table = config.table("ejection")) read_ejection(*table);
        settings_.retries = integer(config, "retries");
        settings_.connect_timeout = config.duration("connect_timeout");
        settings_.idle_timeout = config.duration("idle_timeout");
        settings_.health.slow_start = config.duration("slow_start");
        settings_.changes.panic = integer(config, "panic");
        settings_.changes.cut_down = config.string("on_down") == "cut";
        settings_.changes.cut_backups = config.string("on_up") == "cut_backups";
        read_on_removed(config);
        if (settings_.changes.cut_down && !settings_.checks)
            reject(config, "on_down", "without effect (expected \"health\": only checks call a server down)");
        read_proxy_protocol(config);
    }

  private:
    void reject(const Config& config, std::string_view key, const std::string& why) {
        config.reject(key, why);
        settings_.valid = false;
    }

    static std::uint32_t integer(const Config& config, std::string_view key) {
        return static_cast<std::uint32_t>(config.integer(key));
    }

    void read_sources(const Config& config) {
        const std::string upstream = config.string("upstream");
        const std::vector<Config> servers = config.items("servers");
        settings_.sources = read_servers(config, servers);
        if (!upstream.empty() && !servers.empty())
            return reject(config, "upstream", "given beside servers (expected \"upstream\" or \"servers\")");
        if (!servers.empty()) return;
        Source source;
        source.address = upstream;
        source.kind = kind_of(upstream);
        if (source.kind == AddressKind::invalid)
            reject(config, "upstream",
                   (upstream.empty() ? "missing" : "is not an address: " + in_quotes(upstream) + problem_of(upstream)) + " (" +
                       std::string(an_address) + (upstream.empty() ? "; or \"servers\")" : ")"));
        settings_.sources.push_back(std::move(source));
    }

    std::vector<Source> read_servers(const Config& config, const std::vector<Config>& servers) {
        std::vector<Source> sources;
        for (const Config& server : servers) read_source(server, sources);
        if (servers.size() > most_servers)
            reject(config, "servers", "more than " + std::to_string(most_servers) + " (expected several pools)");
        return sources;
    }

    // Where the servers of a client come from, if not from here.
    void read_from(const Config& config) {
        const std::string from = config.string("upstream_from");
        if (from == "route") settings_.from = UpstreamFrom::route;
        if (from == "sni") settings_.from = UpstreamFrom::sni;
        settings_.port = static_cast<std::uint16_t>(integer(config, "port"));
        settings_.max_pools = integer(config, "max_pools");
        settings_.idle_pool = config.duration("idle_pool");
        read_allowed(config);
        const std::vector<Config> pools = config.items("pools");
        for (const Config& pool : pools) read_pool(pool);

        const bool is_fixed = settings_.from == UpstreamFrom::servers;
        if (!is_fixed && !config.string("upstream").empty())
            reject(config, "upstream", "given beside upstream_from (expected one of the two)");
        if (!is_fixed && !config.items("servers").empty())
            reject(config, "servers", "given beside upstream_from (expected one of the two)");
        if (settings_.from == UpstreamFrom::sni && settings_.port == 0)
            reject(config, "port", "missing (expected the servers' port, such as 443)");
        if (settings_.from != UpstreamFrom::sni && settings_.port != 0)
            reject(config, "port", "without effect (expected upstream_from = \"sni\")");
        if (settings_.from == UpstreamFrom::sni && !settings_.allowed)
            reject(config, "allow_upstreams",
                   "missing (expected the networks of your servers, such as [\"10.8.0.0/16\"]; without them any client could "
                   "reach "
                   "any address from here)");
        if (is_fixed && settings_.allowed)
            reject(config, "allow_upstreams", "without effect (expected upstream_from beside it)");
        if (settings_.from != UpstreamFrom::route && !pools.empty())
            reject(config, "pools", "without effect (expected upstream_from = \"route\")");
    }

    void read_allowed(const Config& config) {
        const std::vector<Config> items = config.items("allow_upstreams");
        if (items.empty()) return;
        settings_.allowed.emplace();
        for (const Config& item : items) {
            const std::string text = item.string("");
            if (const std::optional<Network> network = parse_network(text))
                settings_.allowed->push_back(*network);
            else
                reject(item, "",
                       in_quotes(text) + " is not a network (expected one such as \"10.8.0.0/16\" or \"2001:db8::/32\")");
        }
    }

    void read_pool(const Config& config) {
        const std::string name = config.string("name");
        std::vector<Source> sources = read_servers(config, config.items("servers"));
        if (sources.empty()) reject(config, "servers", "missing (expected an array of servers)");
        if (name.empty() || !is_server_name(name))
            reject(config, "name", in_quotes(name) + " is not a name (expected 1 to 64 characters without blanks)");
        else if (!settings_.pools.emplace(name, std::move(sources)).second)
            reject(config, "name", in_quotes(name) + " is the name of another pool");
    }

    void read_source(const Config& config, std::vector<Source>& sources) {
        Source source;
        source.address = config.string("address");
        source.kind = kind_of(source.address);
        if (!source.address.empty() && source.kind == AddressKind::invalid)
            reject(config, "address",
                   "is not an address: " + in_quotes(source.address) + problem_of(source.address) + " (" +
                       std::string(an_address) + ")");
        source.name = config.string("name");
        if (!is_server_name(source.name))
            reject(config, "name", in_quotes(source.name) + " is not a name (expected at most 64 characters without blanks)");
        for (const Source& other : sources) {
            if (source.address.empty()) break;
            if (!source.name.empty() && (other.name == source.name || other.address == source.name))
                reject(config, "name", in_quotes(source.name) + " is the name of another server");
            if (other.address == source.address || other.name == source.address)
                reject(config, "address", in_quotes(source.address) + " is the address of another server");
        }
        source.weight = integer(config, "weight");
        source.backup = config.boolean("backup");
        source.max_connections = integer(config, "max_connections");
        source.max_per_source = integer(config, "max_per_source");
        settings_.counts_sources |= source.max_per_source > 0;
        sources.push_back(std::move(source));
    }

    void read_balance(const Config& config) {
        const auto chosen = std::ranges::find(balance_words, config.string("balance"), [](Word word) { return text_of(word); });
        if (chosen != std::end(balance_words)) settings_.balance = static_cast<Method>(chosen - balance_words);
    }
    static std::string_view text_of(const Word& word) { return {word.data, word.size}; }

    void read_on_removed(const Config& config) {
        const std::string text = config.string("on_removed");
        if (text == "keep") return;
        settings_.changes.cut_removed = text == "cut" ? milliseconds(0) : parse_time(text);
        if (!settings_.changes.cut_removed)
            reject(config, "on_removed",
                   "unknown value " + in_quotes(text) + " (expected \"keep\", \"cut\" or a duration: \"10m\")");
    }

    void read_queue(const Config& config) {
        settings_.queue.size = integer(config, "size");
        settings_.queue.timeout = config.duration("timeout");
    }

    void read_health(const Config& config) {
        CheckRules& checks = settings_.checks.emplace();
        checks.interval = config.duration("interval");
        checks.jitter = config.duration("jitter");
        checks.timeout = config.duration("timeout");
        if (checks.jitter > checks.interval) reject(config, "jitter", "it must be at most the interval");
        settings_.health.rise = integer(config, "rise");
        settings_.health.fall = integer(config, "fall");
        settings_.health.first_check_decides = config.string("start") == "down";
        read_check_connection(config, checks);
        const CheckStep only = read_step(config);
        const std::vector<Config> steps = config.items("steps");
        if (steps.size() > most_steps) reject(config, "steps", "more than " + std::to_string(most_steps) + " steps");
        for (const Config& step : steps) {
            checks.steps.push_back(read_step(step));
            if (checks.steps.back().asks_nothing())
                reject(step, "expect", "missing (expected \"expect\", \"expect_hex\" or \"contains\" in each step)");
        }
        checks.dialogue = !steps.empty();
        if (!only.asks_nothing() && !checks.dialogue) checks.steps.push_back(only);
        if (!only.send.empty() && only.asks_nothing() && !checks.dialogue)
            reject(config, config.string("send").empty() ? "send_hex" : "send",
                   "without effect (expected an \"expect\" for the answer as well)");
        if (checks.dialogue && !(only.send.empty() && only.asks_nothing()))
            reject(config, "steps", "given beside send or expect (expected those in the steps)");
        read_http(config, checks);
    }

    void read_check_connection(const Config& config, CheckRules& checks) {
        checks.port = static_cast<std::uint16_t>(integer(config, "port"));
        checks.address = config.string("address");
        const bool elsewhere = !checks.address.empty();
        const bool on_unix_socket = kind_of(checks.address) == AddressKind::unix_socket;
        // Any port makes an address of it, as it will have one.
        if (elsewhere && !on_unix_socket && kind_of(checks.address + ":1") != AddressKind::numeric)
            reject(config, "address",
                   "is not an address: " + in_quotes(checks.address) +
                       " (expected an IP address, IPv6 in brackets, without a port, or \"unix:/path\")");
        if (checks.port != 0 && on_unix_socket) reject(config, "port", "a unix socket has none: " + in_quotes(checks.address));
        for (const Source& source : settings_.sources)
            if (source.kind == AddressKind::unix_socket && !checks.can_ask_unix_sockets())
                reject(config, "port",
                       elsewhere ? "missing (" + in_quotes(source.address) + " is a unix socket and has none)"
                                 : "a unix socket has none: " + in_quotes(source.address));
        checks.tls = config.boolean("tls", settings_.tls != nullptr && checks.port == 0 && !elsewhere);
        if (checks.tls && settings_.tls == nullptr)
            reject(config, "tls",
                   "the servers have no TLS (expected \"tls\" beside \"health\" as well, which says how to verify them)");
        checks.orderly = config.string("close") == "fin";
    }

    CheckStep read_step(const Config& config) {
        CheckStep step;
        step.send = text_or_bytes(config, "send", "send_hex");
        step.expect = text_or_bytes(config, "expect", "expect_hex");
        step.binary = config.string("expect").empty();
        step.contains = config.string("contains");
        if (step.contains.size() > 32 * 1024) reject(config, "contains", "it must have at most 32KiB");
        return step;
    }

    // The value of `key`, or the bytes that `hex_key` spells.
    std::string text_or_bytes(const Config& config, std::string_view key, std::string_view hex_key) {
        std::string text = config.string(key);
        const std::string digits = config.string(hex_key);
        if (!text.empty() && !digits.empty())
            reject(config, hex_key, "given beside " + std::string(key) + " (expected one of the two)");
        std::string bytes;
        if (!parse_hex(digits, bytes))
            reject(config, hex_key, in_quotes(digits) + " is not hexadecimal (expected pairs of digits, such as \"d2 00 0a\")");
        if (text.empty()) text = std::move(bytes);
        if (text.size() > 32 * 1024) reject(config, digits.empty() ? key : hex_key, "it must have at most 32KiB");
        return text;
    }

    // Pairs of digits, with or without blanks in between.
    static bool parse_hex(std::string_view text, std::string& bytes) {
        for (std::size_t at = 0; at < text.size();) {
            if (text[at] == ' ') {
                ++at;
                continue;
            }
            const std::string_view pair = text.substr(at, 2);
            unsigned value = 0;
            const auto [end, error] = std::from_chars(pair.data(), pair.data() + pair.size(), value, 16);
            if (error != std::errc() || pair.size() != 2 || end != pair.data() + 2) return false;
            bytes += static_cast<char>(value);
            at += 2;
        }
        return true;
    }

    void read_http(const Config& config, CheckRules& checks) {
        checks.http = config.string("http");
        checks.http_host = config.string("http_host");
        const std::string status = config.string("http_status");
        if (!checks.http.empty() && (!checks.http.starts_with('/') || !is_printable(checks.http)))
            reject(config, "http", in_quotes(checks.http) + " is not a path (expected \"/path\")");
        if (!is_printable(checks.http_host))
            reject(config, "http_host", in_quotes(checks.http_host) + " is not a value of the Host field");
        if (checks.http.empty())
            for (const std::string_view key : {"http_host", "http_status"})
                if (!(key == "http_host" ? checks.http_host : status).empty())
                    reject(config, key, "for HTTP checks only (expected http = \"/path\")");
        if (!checks.http.empty() && !checks.steps.empty())
            reject(config, "http", "given beside send, expect or steps (expected \"http\", or those)");
        if (!status.empty() && !parse_statuses(status, checks.http_status))
            reject(config, "http_status",
                   in_quotes(status) + " is not a list of status codes (expected \"200\", \"200-399\" or "
                                       "\"200,204,301-308\")");
    }

    // "200,204,301-308"
    static bool parse_statuses(std::string_view text, std::vector<std::pair<unsigned, unsigned>>& statuses) {
        statuses.clear();
        const auto code = [&text](unsigned& value) {
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            text.remove_prefix(static_cast<std::size_t>(end - text.data()));
            return error == std::errc() && value >= 100 && value <= 599;
        };
        for (;;) {
            unsigned first = 0;
            if (!code(first)) return false;
            unsigned last = first;
            if (text.starts_with('-')) {
                text.remove_prefix(1);
                if (!code(last) || last < first) return false;
            }
            statuses.emplace_back(first, last);
            if (text.empty()) return true;
            if (!text.starts_with(',')) return false;
            text.remove_prefix(1);
        }
    }

    void read_ejection(const Config& config) {
        HealthRules& health = settings_.health;
        health.failures = integer(config, "failures");
        health.backoff = config.duration("backoff");
        health.max_backoff = config.duration("max_backoff");
        if (health.max_backoff < health.backoff) reject(config, "max_backoff", "it must be at least the backoff");
    }

    void read_proxy_protocol(const Config& config) {
        const std::string version = config.string("proxy_protocol");
        if (!version.empty()) settings_.proxy.version = version == "v1" ? 1 : 2;
        const std::vector<Config> tlvs = config.items("proxy_tlvs");
        if (!tlvs.empty() && settings_.proxy.version != 2)
            reject(config, "proxy_tlvs", "only version 2 has them (expected proxy_protocol = \"v2\")");
        for (const Config& item : tlvs) {
            const std::string name = item.string("");
            if (name == "unique_id") settings_.proxy.unique_id = true;
            if (name == "crc32c") settings_.proxy.crc32c = true;
            if (name == "alpn") settings_.proxy.alpn = true;
            if (name == "authority") settings_.proxy.authority = true;
            if (name == "tls") settings_.proxy.tls = true;
        }
    }

    Settings& settings_;
};

} // namespace

bool is_server_name(std::string_view text) noexcept { return text.size() <= 64 && is_printable(text); }

Settings read_settings(const gatehouse::Init& init) {
    Settings settings;
    Reader(settings).read(init);
    return settings;
}

} // namespace gateway
