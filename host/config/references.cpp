#include "config/references.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/plugins_section.hpp"
#include "config/tls_section.hpp"

#include <algorithm>
#include <set>

namespace gatehouse::host {
namespace {

class Names {
  public:
    Names(Config& config, ConfigReading& reading) : config_(config), reading_(reading) {
        for (const PluginConfig& plugin : config.plugins) plugin_sections_.push_back(plugin.name);
        for (const TlsConfig& tls : config.tls) tls_sections_.push_back(tls.name);
        for (const MapConfig& map : config.maps) map_sections_.push_back(map.name);
        plugins_.insert(plugin_sections_.begin(), plugin_sections_.end());
        tls_.insert(tls_sections_.begin(), tls_sections_.end());
        maps_.insert(map_sections_.begin(), map_sections_.end());
    }

    void plugin(const std::string& name, const Place& place, const char* key) {
        if (name.empty() || plugins_.contains(name) || reading_.problems.full())
            return; // a search among all names takes a while
        if (const std::string near = did_you_mean(name, plugin_sections_); !near.empty()) {
            reject(place, key,
                   "there is no [plugins." + name + "] (did you mean " + in_quotes(near) + "? If not, add an empty [plugins." +
                       name + "] section)");
            return;
        }
        plugins_.insert(name);
        config_.plugins.push_back(implicit_plugin(name, place, reading_));
    }

    void tls(const std::string& name, const Place& place, const char* key) {
        if (name.empty() || tls_.contains(name)) return;
        reject(place, key, reading_.problems.full() ? "" : no_tls_section(name, tls_sections_));
    }

    void map(const std::string& name, const Place& place, const char* key) {
        if (name.empty() || maps_.contains(name)) return;
        const std::string near = reading_.problems.full() ? "" : did_you_mean(name, map_sections_);
        reject(place, key,
               "there is no [maps." + printable(name) + "]" + (near.empty() ? "" : " (did you mean " + in_quotes(near) + "?)"));
    }

  private:
    void reject(const Place& place, const char* key, const std::string& what) {
        const bool is_kept = !reading_.problems.full(); // or else it is only counted
        const OutsideText* const outside = is_kept ? reading_.document->outside.find(place.position) : nullptr;
        reading_.problems.add(place.position, key, outside != nullptr ? without_text(what, *outside) : what);
    }

    Config& config_;
    ConfigReading& reading_;
    std::vector<std::string> plugin_sections_; // those of the file
    std::vector<std::string> tls_sections_, map_sections_;
    std::set<std::string> plugins_; // the implicit ones as well
    std::set<std::string> tls_, maps_;
};

} // namespace

void resolve_references(Config& config, ConfigReading& reading) {
    Names names(config, reading);
    for (const ListenerConfig& listener : config.listeners) {
        names.plugin(listener.plugin, listener.plugin_where, "listeners.plugin");
        names.tls(listener.tls, listener.tls_where, "listeners.tls");
        if (listener.on_silence)
            names.plugin(listener.on_silence->plugin, listener.on_silence->plugin_where, "listeners.on_silence.plugin");
        for (const RouteConfig& route : listener.routes) {
            names.plugin(route.plugin, route.plugin_where, "listeners.routes.plugin");
            names.tls(route.tls, route.tls_where, "listeners.routes.tls");
            names.map(route.sni_map, route.sni_map_where, "listeners.routes.sni_map");
        }
    }
    // As sections come: in the order of their names, whether they are written or implied.
    std::sort(config.plugins.begin(), config.plugins.end(),
              [](const PluginConfig& a, const PluginConfig& b) { return a.name < b.name; });
}

} // namespace gatehouse::host
