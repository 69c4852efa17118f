// The keys of the host's own sections as data: when a changed value takes effect at a reload (docs/operations.md has the
// table), and the value in a configuration. Plans, fingerprints and the rule for keys that wait for a restart are made of it.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// What a changed value reaches.
enum class KeyClass : std::uint8_t {
    live,     // open connections too; none is cut by a lower limit
    fresh,    // connections that come after the reload; open ones stay as they are
    rebind,   // the listening socket: a new one if the address is another, else the one that is there
    instance, // a new instance of the plugin, for connections that come after the reload
    restart,  // nothing before the host starts again
};

std::string_view to_string(KeyClass effect) noexcept; // its name, as above

// A key of a section. `value`: as config/value_text.hpp writes it; null for `allow`, `deny` and their files, whose networks are
// compared one by one, for the `config` table of a plugin, and for arrays of tables. `copy`: null if nobody needs it.
template <class Section>
struct SectionKey {
    std::string_view name; // within the section: "threads.min"
    KeyClass effect;
    std::string (*value)(const Section& section) = nullptr;
    void (*copy)(const Section& from, Section& to) = nullptr;
};

std::span<const SectionKey<HostConfig>> host_keys() noexcept;
std::span<const SectionKey<ProcessConfig>> process_keys() noexcept;
std::span<const SectionKey<LogConfig>> log_keys() noexcept;
std::span<const SectionKey<TlsConfig>> tls_keys() noexcept;          // but for its first pair, which has no table of its own
std::span<const SectionKey<TlsPairConfig>> tls_pair_keys() noexcept; // [tls.NAME] itself, and its `sni`
std::span<const SectionKey<MapConfig>> map_keys() noexcept;
std::span<const SectionKey<PluginConfig>> plugin_keys() noexcept;
std::span<const SectionKey<ListenerConfig>> listener_keys() noexcept;
std::span<const SectionKey<RouteConfig>> route_keys() noexcept; // the conditions first: condition_count of them
inline constexpr std::size_t condition_count = 6;

// All of them by their whole names, as config_keys() has them: "listeners.threads.min", "tls.NAME.sni.key".
struct ClassedKey {
    std::string key;
    KeyClass effect;
};
std::vector<ClassedKey> key_classes();

} // namespace gatehouse::host
