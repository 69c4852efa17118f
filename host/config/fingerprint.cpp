#include "config/fingerprint.hpp"

#include "config/key_classes.hpp"
#include "config/plugin_settings.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse::host {
namespace {

// FNV-1a, mixed at the end so that the first digits depend on all bytes.
class Hash {
  public:
    void add(std::string_view text) {
        for (const char c : text) add_byte(static_cast<unsigned char>(c));
        add_number(text.size()); // so that "a", "bc" is another than "ab", "c"
    }
    void add_number(std::uint64_t number) {
        for (unsigned shift = 0; shift < 64; shift += 8) add_byte(static_cast<unsigned char>(number >> shift));
    }

    std::uint64_t value() const {
        std::uint64_t mixed = hash_;
        mixed = (mixed ^ mixed >> 33U) * 0xff51afd7ed558ccdULL;
        mixed = (mixed ^ mixed >> 33U) * 0xc4ceb9fe1a85ec53ULL;
        return mixed ^ mixed >> 33U;
    }

  private:
    void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }

    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

template <class Section>
void add(Hash& digest, std::span<const SectionKey<Section>> keys, const Section& section) {
    for (const SectionKey<Section>& key : keys)
        if (key.value != nullptr) digest.add(key.value(section));
}

void add(Hash& digest, std::vector<Network> networks) {
    std::ranges::sort(networks);
    const auto [first, last] = std::ranges::unique(networks);
    networks.erase(first, last);
    digest.add_number(networks.size());
    for (const Network& network : networks) {
        digest.add_number(network.address.v6 ? 1 : 0);
        digest.add_number(network.address.high);
        digest.add_number(network.address.low);
        digest.add_number(network.length);
    }
}

void add(Hash& digest, const AccessLists& lists) {
    add(digest, lists.allow);
    add(digest, lists.deny);
}

void add(Hash& digest, const TlsConfig& tls) {
    digest.add(tls.name);
    digest.add_number(tls.pairs.size());
    for (const TlsPairConfig& pair : tls.pairs) add(digest, tls_pair_keys(), pair);
    add(digest, tls_keys(), tls);
}

void add(Hash& digest, const MapConfig& map) {
    digest.add(map.name);
    add(digest, map_keys(), map);
}

void add(Hash& digest, const PluginConfig& plugin) {
    digest.add(plugin.name);
    add(digest, plugin_keys(), plugin);
    // Which tables { file = "PATH" } stand for texts only the plugin knows: so their paths count, and what is in the files.
    for (const bool are_texts : {false, true}) {
        const std::vector<Setting> settings = plugin.settings->settings([=](const std::string&) { return are_texts; });
        digest.add_number(settings.size());
        for (const Setting& setting : settings) {
            digest.add(setting.key);
            digest.add(setting.value);
        }
    }
    digest.add(plugin.settings->folder().native());
}

void add(Hash& digest, const ListenerConfig& listener) {
    add(digest, listener_keys(), listener);
    add(digest, listener.access);
    digest.add_number(listener.routes.size());
    for (const RouteConfig& route : listener.routes) {
        add(digest, route_keys(), route);
        add(digest, route.access);
    }
}

template <class Section>
void add(Hash& digest, const std::vector<Section>& sections) {
    digest.add_number(sections.size());
    for (const Section& section : sections) add(digest, section);
}

} // namespace

std::string fingerprint(const Config& config) {
    Hash digest;
    add(digest, host_keys(), config.host);
    add(digest, process_keys(), config.process);
    add(digest, log_keys(), config.log);
    add(digest, config.tls);
    add(digest, config.maps);
    add(digest, config.plugins);
    add(digest, config.listeners);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (unsigned shift = 64; shift > 0; shift -= 4) text += digits[digest.value() >> (shift - 4) & 15U];
    return text;
}

std::string plan_id(std::uint64_t generation, const Config& next) {
    return std::to_string(generation) + '-' + fingerprint(next).substr(0, 8);
}

} // namespace gatehouse::host
