#include "config/key_classes.hpp"

#include "config/capabilities.hpp"
#include "config/value_text.hpp"

#include <array>

namespace gatehouse::host {
namespace {

// The member at the end of a path of members.
template <auto first, auto... rest>
auto& at(auto& section) {
    if constexpr (sizeof...(rest) == 0)
        return section.*first;
    else
        return at<rest...>(section.*first);
}

// A key whose value is a member, or a member of a member.
template <class Section, auto... path>
constexpr SectionKey<Section> key(std::string_view name, KeyClass effect) {
    return {name, effect, [](const Section& section) { return value_text(at<path...>(section)); },
            [](const Section& from, Section& to) { at<path...>(to) = at<path...>(from); }};
}

// A key whose value is written in a way of its own.
template <class Section>
constexpr SectionKey<Section> other(std::string_view name, KeyClass effect, std::string (*value)(const Section&)) {
    return {name, effect, value, nullptr};
}

// The short names are for these tables alone.
namespace tables {

using enum KeyClass;

using H = HostConfig;
constexpr SectionKey<H> of_host[] = {
    other<H>("plugin_path", instance,
             [](const H& host) {
                 std::vector<std::string> folders;
                 for (const std::filesystem::path& folder : host.plugin_path) folders.push_back(folder.native());
                 return value_text(folders);
             }),
    key<H, &H::drain_timeout>("drain_timeout", live),
    key<H, &H::drain_delay>("drain_delay", live),
    key<H, &H::old_timeout>("old_timeout", live),
    key<H, &H::watch>("watch", live),
    key<H, &H::relay_threads>("relay_threads", restart),
    key<H, &H::scheduling>("scheduling", restart),
    key<H, &H::stack_size>("stack_size", restart),
    key<H, &H::resolvers>("resolvers", restart),
    key<H, &H::control>("control", restart),
    key<H, &H::control_readers>("control_readers", restart),
    key<H, &H::control_operators>("control_operators", restart),
};

using P = ProcessConfig;
constexpr SectionKey<P> of_process[] = {
    key<P, &P::user>("user", restart),
    key<P, &P::group>("group", restart),
    {"capabilities", restart,
     [](const P& process) {
         const std::span<const std::string_view> names = capability_list();
         std::vector<std::string> kept;
         for (std::size_t i = 0; i < names.size(); ++i)
             if ((process.capabilities >> i & 1U) != 0) kept.emplace_back(names[i]);
         return value_text(kept);
     },
     [](const P& from, P& to) { to.capabilities = from.capabilities; }},
    key<P, &P::no_new_privs>("no_new_privs", restart),
    key<P, &P::seccomp>("seccomp", restart),
};

// As a TOML array of inline tables, with all keys.
std::string outputs_text(const LogConfig& log) {
    std::string list;
    for (const LogOutputConfig& one : log.outputs)
        list += (list.empty() ? "{ kind = " : ", { kind = ") + value_text(one.kind) + ", format = " + value_text(one.format) +
                ", level = " + value_text(one.level) + ", file = " + value_text(one.file) +
                ", rotate = { size = " + value_text(one.rotate_size) + ", keep = " + value_text(one.rotate_keep) +
                " }, to = " + value_text(one.to) + ", records = " + value_text(one.records) +
                ", listeners = " + value_text(one.listeners) + " }";
    return list.empty() ? "" : '[' + list + ']';
}

using L = LogConfig;
constexpr SectionKey<L> of_log[] = {
    key<L, &L::level>("level", live),
    key<L, &L::format>("format", restart),
    key<L, &L::file>("file", restart),
    key<L, &L::access>("access", live),
    key<L, &L::refused_per_second>("refused_per_second", live),
    {"outputs", restart, outputs_text, [](const L& from, L& to) { to.outputs = from.outputs; }},
};

using T = TlsConfig;
constexpr SectionKey<T> of_tls[] = {
    {"sni", fresh},
    key<T, &T::min_version>("min_version", fresh),
    key<T, &T::ciphers>("ciphers", fresh),
    key<T, &T::ciphersuites>("ciphersuites", fresh),
    key<T, &T::groups>("groups", fresh),
    key<T, &T::alpn>("alpn", fresh),
    key<T, &T::client>("client", fresh),
    key<T, &T::client_ca>("client_ca", fresh),
    key<T, &T::client_crl>("client_crl", fresh),
    key<T, &T::ticket_lifetime>("ticket_lifetime", fresh),
    key<T, &T::handshake_timeout>("handshake_timeout", fresh),
    key<T, &T::max_handshakes>("max_handshakes", fresh),
    key<T, &T::truncation>("truncation", fresh),
};

using C = TlsPairConfig;
constexpr SectionKey<C> of_tls_pair[] = {
    key<C, &C::certificate>("certificate", fresh),
    other<C>("key", fresh, // in the same file: absent
             [](const C& pair) { return pair.key.path.empty() ? "" : value_text(pair.key); }),
    key<C, &C::ocsp>("ocsp", fresh),
};

using M = MapConfig;
constexpr SectionKey<M> of_map[] = {
    key<M, &M::file>("file", fresh),
    key<M, &M::otherwise>("default", fresh),
};

using I = PluginConfig;
constexpr SectionKey<I> of_plugin[] = {
    key<I, &I::library>("library", instance),
    key<I, &I::max_connections>("max_connections", instance),
    other<I>("grants", instance, [](const I& plugin) { return std::string(plugin.sees_host ? R"(["host"])" : ""); }),
    {"config", instance},
};

// "0660": TOML has no such number, and JSON none in octal.
std::string mode_text(unsigned mode) {
    std::string digits = "0000";
    for (std::size_t i = digits.size(); i-- > 0; mode >>= 3U) digits[i] = static_cast<char>('0' + (mode & 7U));
    return '"' + digits + '"';
}

std::string seconds_text(int seconds) { return value_text(Milliseconds(std::chrono::seconds(seconds))); }

using W = ListenerConfig;
using K = Keepalive;
using S = SourceLimits;
constexpr SectionKey<W> of_listener[] = {
    key<W, &W::name>("name", fresh),
    key<W, &W::address>("address", rebind),
    key<W, &W::plugin>("plugin", fresh),
    key<W, &W::tls>("tls", fresh),
    key<W, &W::backlog>("backlog", live),
    key<W, &W::max_connections>("max_connections", live),
    key<W, &W::when_full>("when_full", live),
    other<W>("proxy_protocol.from", fresh,
             [](const W& listener) {
                 if (!listener.proxy_protocol) return std::string();
                 std::vector<std::string> from;
                 for (const Network& network : listener.proxy_protocol->from) from.push_back(to_string(network));
                 if (listener.proxy_protocol->from_unix) from.emplace_back("unix");
                 return value_text(from);
             }),
    other<W>("proxy_protocol.timeout", fresh,
             [](const W& listener) { return value_text(listener.proxy_protocol.value_or(ProxyProtocolConfig()).timeout); }),
    other<W>("proxy_protocol.log_local", fresh,
             [](const W& listener) { return value_text(listener.proxy_protocol.value_or(ProxyProtocolConfig()).log_local); }),
    {"allow", fresh},
    {"deny", fresh},
    {"allow_file", fresh},
    {"deny_file", fresh},
    key<W, &W::sources, &S::most>("max_per_source", live),
    key<W, &W::sources, &S::rate>("rate.connections", live),
    key<W, &W::sources, &S::per>("rate.per", live),
    key<W, &W::sources, &S::burst>("rate.burst", live),
    key<W, &W::sources, &S::v4_bits>("source_bits.v4", fresh),
    key<W, &W::sources, &S::v6_bits>("source_bits.v6", fresh),
    key<W, &W::threads, &Threads::min>("threads.min", fresh),
    key<W, &W::threads, &Threads::max>("threads.max", fresh),
    key<W, &W::threads, &Threads::keep>("threads.keep", fresh),
    key<W, &W::pool>("pool", fresh),
    key<W, &W::first_byte_timeout>("first_byte_timeout", fresh),
    key<W, &W::idle_timeout>("idle_timeout", fresh),
    key<W, &W::lifetime>("lifetime", fresh),
    key<W, &W::linger_timeout>("linger_timeout", fresh),
    key<W, &W::linger_idle_timeout>("linger_idle_timeout", fresh),
    key<W, &W::linger_bytes>("linger_bytes", fresh),
    key<W, &W::half_close_timeout>("half_close_timeout", fresh),
    key<W, &W::min_rate>("min_rate", fresh),
    key<W, &W::min_rate_window>("min_rate_window", fresh),
    key<W, &W::detect_timeout>("detect.timeout", fresh),
    key<W, &W::detect_limit>("detect.limit", fresh),
    other<W>("on_silence.after", fresh,
             [](const W& listener) { return listener.on_silence ? value_text(listener.on_silence->after) : ""; }),
    other<W>("on_silence.plugin", fresh,
             [](const W& listener) { return listener.on_silence ? value_text(listener.on_silence->plugin) : ""; }),
    {"routes", fresh},
    key<W, &W::reuse_address>("reuse_address", rebind),
    key<W, &W::ipv6_only>("ipv6_only", restart), // bind() has decided it: at another address it comes with the new socket
    key<W, &W::nodelay>("nodelay", fresh),
    key<W, &W::keepalive, &K::on>("keepalive", fresh),
    other<W>("keepalive_idle", fresh, [](const W& listener) { return seconds_text(listener.keepalive.idle); }),
    other<W>("keepalive_interval", fresh, [](const W& listener) { return seconds_text(listener.keepalive.interval); }),
    key<W, &W::keepalive, &K::probes>("keepalive_probes", fresh),
    key<W, &W::receive_buffer>("receive_buffer", fresh),
    key<W, &W::send_buffer>("send_buffer", fresh),
    key<W, &W::defer_accept>("defer_accept", rebind),
    key<W, &W::fast_open>("fast_open", rebind),
    other<W>("mode", rebind, [](const W& listener) { return mode_text(listener.mode); }),
    key<W, &W::owner>("owner", rebind),
    key<W, &W::group>("group", rebind),
};

using R = RouteConfig;
constexpr SectionKey<R> of_route[] = {
    key<R, &R::sni>("sni", fresh),
    key<R, &R::sni_map>("sni_map", fresh),
    key<R, &R::alpn>("alpn", fresh),
    key<R, &R::source>("source", fresh),
    key<R, &R::match>("match", fresh),
    other<R>("probe", fresh,
             [](const R& route) {
                 const bool implied = !route.tls.empty() && route.pattern == "tls"; // TLS ends where there is TLS
                 return route.probe ? value_text(true) : implied ? "" : value_text(route.pattern);
             }),
    {"allow", fresh},
    {"deny", fresh},
    {"allow_file", fresh},
    {"deny_file", fresh},
    key<R, &R::tls>("tls", fresh),
    key<R, &R::plugin>("plugin", fresh),
};

} // namespace tables
} // namespace

std::string_view to_string(KeyClass effect) noexcept {
    constexpr std::array<std::string_view, 5> names{"live", "fresh", "rebind", "instance", "restart"};
    return names[static_cast<std::size_t>(effect)];
}

std::span<const SectionKey<HostConfig>> host_keys() noexcept { return tables::of_host; }
std::span<const SectionKey<ProcessConfig>> process_keys() noexcept { return tables::of_process; }
std::span<const SectionKey<LogConfig>> log_keys() noexcept { return tables::of_log; }
std::span<const SectionKey<TlsConfig>> tls_keys() noexcept { return tables::of_tls; }
std::span<const SectionKey<TlsPairConfig>> tls_pair_keys() noexcept { return tables::of_tls_pair; }
std::span<const SectionKey<MapConfig>> map_keys() noexcept { return tables::of_map; }
std::span<const SectionKey<PluginConfig>> plugin_keys() noexcept { return tables::of_plugin; }
std::span<const SectionKey<ListenerConfig>> listener_keys() noexcept { return tables::of_listener; }
std::span<const SectionKey<RouteConfig>> route_keys() noexcept { return tables::of_route; }

std::vector<ClassedKey> key_classes() {
    std::vector<ClassedKey> all;
    const auto add = [&all](std::string_view section, const auto& keys) {
        for (const auto& key : keys) all.push_back({std::string(section) + '.' + std::string(key.name), key.effect});
    };
    add("host", host_keys());
    add("process", process_keys());
    add("log", log_keys());
    add("tls.NAME", tls_pair_keys());
    add("tls.NAME", tls_keys());
    add("tls.NAME.sni", tls_pair_keys());
    add("maps.NAME", map_keys());
    add("plugins.NAME", plugin_keys());
    add("listeners", listener_keys());
    add("listeners.routes", route_keys());
    return all;
}

} // namespace gatehouse::host
