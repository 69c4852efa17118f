#include "sites.hpp"

#include "text.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace gateway {

Site::Site(const gatehouse::Init& init, const Settings& settings, std::vector<Source> from, std::vector<ServerRow> rows)
    : sources(std::move(from)),
      pool({settings.balance, settings.queue, settings.health, settings.retries, settings.changes}, sources.size(),
           {[init](std::uint64_t connection) { init.wake(connection); },
            [init](std::uint64_t connection) { init.end(connection, gatehouse::How::reset); },
            [init](gatehouse_level level, std::string_view text) { init.log(level, text); }},
           std::move(rows)),
      discovery(init, settings, sources, pool) {}

Sites::Sites(const gatehouse::Init& init, const Settings& settings)
    : init_(init), settings_(settings), timer_(init, gatehouse::Timer::Options{}, [this] { sweep(); }) {}

// Clients choose the names: none of them may mean a socket or a record of this machine's network.
std::vector<Source> Sites::sources_of(std::string_view what, std::string& why) const {
    constexpr std::string_view pool = "pool=";
    Source source;
    source.address = what;
    if (settings_.from == UpstreamFrom::sni) {
        source.address += ':' + std::to_string(settings_.port);
        source.kind = kind_of(source.address);
        const bool is_host = source.kind == AddressKind::name || source.kind == AddressKind::numeric;
        if (!is_host)
            why = what.empty() ? "the client asks for no server name" : "the client asks for a name that no server can have";
    } else if (what.starts_with(pool)) {
        if (const auto found = settings_.pools.find(what.substr(pool.size())); found != settings_.pools.end())
            return found->second;
        why = "the map of the route names the pool " + in_quotes(what.substr(pool.size())) + ", which is not among `pools`";
    } else {
        source.kind = kind_of(source.address);
        if (source.kind == AddressKind::invalid)
            why = what.empty() ? "no route with a map has taken this client (expected sni_map in the route)"
                               : "the map of the route has " + in_quotes(what) + ", which is no server's address";
    }
    return {source};
}

// As names are compared (RFC 4343), so that each has one pool however a client writes it.
std::string Sites::normal(std::string_view what) const {
    if (settings_.from != UpstreamFrom::sni) return std::string(what);
    if (what.ends_with('.')) what.remove_suffix(1);
    std::string name(what);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name;
}

Site* Sites::enter(std::string_view asked, Clock::time_point now, std::string& why) {
    const std::string what = normal(asked);
    ByName::node_type gone; // destroyed without the lock
    const std::lock_guard lock(mutex_);
    auto found = sites_.find(what);
    if (found == sites_.end()) {
        std::vector<Source> sources = sources_of(what, why);
        if (why.empty()) gone = make_room(why);
        if (!why.empty()) return nullptr;
        try {
            found = sites_.emplace(what, std::make_unique<Site>(init_, settings_, std::move(sources))).first;
        } catch (const std::runtime_error& error) {
            why = error.what();
            return nullptr;
        }
        found->second->name = found->first;
        found->second->idle = idle_.insert(idle_.end(), found->second.get());
    }
    Site& site = *found->second;
    if (site.clients++ == 0) idle_.erase(site.idle);
    site.idle_since = now;
    return &site;
}

void Sites::leave(Site& site, Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (--site.clients > 0) return;
    site.idle_since = now;
    site.idle = idle_.insert(idle_.end(), &site);
    if (idle_.size() == 1) (void)timer_.set({.first = settings_.idle_pool}); // else it is set for an earlier one
}

// Takes the one that has been idle longest out, if there are as many as there may be.
Sites::ByName::node_type Sites::make_room(std::string& why) {
    if (sites_.size() < settings_.max_pools) return {};
    if (idle_.empty()) {
        why = "all " + std::to_string(settings_.max_pools) + " pools have clients (max_pools)";
        return {};
    }
    Site* const longest = idle_.front();
    idle_.pop_front();
    return sites_.extract(sites_.find(longest->name));
}

void Sites::sweep() {
    const Clock::time_point now = now_of(init_);
    std::vector<ByName::node_type> gone; // destroyed without the lock
    const std::lock_guard lock(mutex_);
    while (!idle_.empty() && idle_.front()->idle_since + settings_.idle_pool <= now) {
        gone.push_back(sites_.extract(sites_.find(idle_.front()->name)));
        idle_.pop_front();
    }
    if (idle_.empty()) return;
    const auto left = std::chrono::ceil<milliseconds>(idle_.front()->idle_since + settings_.idle_pool - now);
    (void)timer_.set({.first = std::max(left, milliseconds(1000))}); // several at a time
}

void Sites::each(const std::function<void(std::string_view name, Pool& pool)>& visit) {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, site] : sites_) visit(name, site->pool);
}

} // namespace gateway
