#include "discovery.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace gateway {
namespace {

constexpr std::uint32_t backup_rank = 1U << 16U; // more than SRV priorities
constexpr std::uint32_t max_weight = 1U << 20U;

} // namespace

ServerSpec spec_of(const Source& source) {
    return {source.name.empty() ? source.address : source.name,
            source.address,
            source.weight,
            source.backup ? backup_rank : 0,
            source.max_connections == 0 ? Slot::unlimited : source.max_connections,
            std::string(server_name_of(source.address, source.kind)),
            source.max_per_source == 0 ? Slot::unlimited : source.max_per_source};
}

std::vector<ServerSpec> specs_of(const Source& source, std::span<const gatehouse::Endpoint> endpoints) {
    std::set<std::uint16_t> priorities;
    for (const auto& endpoint : endpoints) priorities.insert(endpoint.priority);
    std::vector<ServerSpec> specs;
    for (const auto& endpoint : endpoints) {
        ServerSpec spec = spec_of(source);
        spec.address = endpoint.address;
        spec.name = source.name.empty() ? spec.address : source.name + '/' + spec.address;
        spec.rank += static_cast<std::uint32_t>(std::distance(priorities.begin(), priorities.find(endpoint.priority)));
        if (source.kind == AddressKind::service) // RFC 2782: a weight of 0 is a very small one
            spec.weight = std::min(max_weight, spec.weight * std::max<std::uint32_t>(1, endpoint.weight));
        specs.push_back(std::move(spec));
    }
    return specs;
}

Discovery::Discovery(const gatehouse::Init& init, const Settings& settings, const std::vector<Source>& sources, Pool& pool)
    : init_(init), settings_(settings), sources_(sources), pool_(pool), checks_(init, settings, pool) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const Source& source = sources[i];
        if (!source.is_name()) {
            is_allowed(source.address) ? apply(i, {spec_of(source)}) : refuse(i, source.address);
            continue;
        }
        watches_.push_back(std::make_unique<gatehouse::Watch>(
            init, source.address,
            [this, i](std::span<const gatehouse::Endpoint> endpoints, gatehouse::Status status, std::string_view why) {
                found(i, endpoints, status, why);
            }));
    }
}

// "No such name" is an answer: the name has no servers. Without an answer, the last known servers stay.
void Discovery::found(std::size_t source, std::span<const gatehouse::Endpoint> endpoints, gatehouse::Status status,
                      std::string_view why) {
    const std::string& name = sources_[source].address;
    if (status) {
        std::vector<gatehouse::Endpoint> allowed;
        std::ranges::copy_if(endpoints, std::back_inserter(allowed), [&](const auto& one) { return is_allowed(one.address); });
        if (allowed.empty() && !endpoints.empty()) refuse(source, name + ", " + std::string(endpoints.front().address) + ',');
        return apply(source, specs_of(sources_[source], allowed));
    }
    const bool gone = status == gatehouse::Status::not_found;
    const std::string text = name + ": " + std::string(why);
    if (settings_.from != UpstreamFrom::sni) // else clients choose the names, and their own records say it
        init_.log(GATEHOUSE_LEVEL_WARNING,
                  "the name of the servers does not resolve: " + text + (gone ? "" : "; the last known servers stay"));
    pool_.source_failed(source, text, now_of(init_));
    if (gone) apply(source, {});
}

// What clients ask for must not lead them anywhere (an open proxy).
bool Discovery::is_allowed(std::string_view address) const {
    return !settings_.allowed || is_within(*settings_.allowed, address);
}

void Discovery::refuse(std::size_t source, std::string_view address) {
    pool_.source_failed(source, std::string(address) + " is in none of the networks of allow_upstreams", now_of(init_));
}

void Discovery::apply(std::size_t source, const std::vector<ServerSpec>& specs) {
    change([&] { return pool_.set_servers(source, specs, now_of(init_)); });
}

void Discovery::change(const std::function<Pool::Changes()>& make) {
    const std::lock_guard lock(changing_);
    follow(make());
    tend();
}

void Discovery::follow(const Pool::Changes& changes) {
    for (const auto& server : changes.removed) checks_.stop(*server);
    for (const auto& server : changes.added) checks_.start(server);
}

void Discovery::tend() {
    const Clock::time_point now = now_of(init_);
    follow(pool_.tend(now));
    const auto next = pool_.next_tending(now);
    if (!timer_ && next) timer_.emplace(init_, gatehouse::Timer::Options{}, [this] { change([] { return Pool::Changes{}; }); });
    const auto wait = next ? std::optional(std::chrono::ceil<milliseconds>(*next - now)) : std::nullopt;
    if (timer_) (void)timer_->set({.first = wait}); // it takes a year, and nothing here is due later
}

} // namespace gateway
