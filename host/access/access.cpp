#include "access/access.hpp"

namespace gatehouse::host {
namespace {

// The value of a network in the tables: its place among those of `allow` and then of `deny`, or `trusted`.
constexpr std::uint32_t trusted = 0xfffffffe;

// Of equal networks the first counts.
std::vector<NetworkTable::Entry> entries_of(const AccessLists& lists, std::span<const Network> proxies) {
    std::vector<NetworkTable::Entry> entries;
    entries.reserve(proxies.size() + lists.allow.size() + lists.deny.size());
    for (const Network& network : proxies) entries.push_back({network, trusted});
    std::uint32_t place = 0;
    for (const std::vector<Network>* list : {&lists.allow, &lists.deny})
        for (const Network& network : *list) entries.push_back({network, place++});
    return entries;
}

// The rule that the network at `place` of a list is.
Rule rule_of(const std::vector<Network>& list, std::size_t written, const AccessLists::Places& places, std::size_t place,
             std::string_view key, std::string_view key_of_file) noexcept {
    const std::size_t line = place < places.lines.size() ? places.lines[place] : 0;
    if (place < written) return {file_of(places.key), line, key, list[place]};
    return {places.file, line, key_of_file, list[place]};
}

} // namespace

AccessList::AccessList(const AccessLists& lists, std::span<const Network> proxies)
    : lists_(&lists), clients_(entries_of(lists, {})) {
    if (!lists.deny.empty() && !proxies.empty()) proxies_ = NetworkTable(entries_of(lists, proxies));
}

AccessList::Verdict AccessList::judge(const std::optional<IpAddress>& address, Behalf behalf) const noexcept {
    const AccessLists& lists = *lists_;
    const bool of_client = behalf == Behalf::client;
    const std::optional<std::uint32_t> found = address ? (of_client ? clients_ : proxies_).find(*address) : std::nullopt;
    if (found == trusted) return {true, std::nullopt};
    if (found && *found < lists.allow.size())
        return {true, rule_of(lists.allow, lists.allow_written, lists.allow_places, *found, "allow", "allow_file")};
    if (found)
        return {false,
                rule_of(lists.deny, lists.deny_written, lists.deny_places, *found - lists.allow.size(), "deny", "deny_file")};
    if (lists.allow.empty() || !of_client) return {true, std::nullopt}; // proxies in no network may come
    return {false, Rule(lists.allow_places.key, "allow")};
}

const SourceLimits Access::unlimited;

Access::Access(const AccessLists& lists, const LiveLimits* live, const SourceLimits& limits, std::span<const Network> proxies)
    : list_(lists == AccessLists() ? std::nullopt : std::optional(AccessList(lists, proxies))), live_(live), per_(limits.per),
      rule_(limits), most_(limits.most_where, "max_per_source", std::uint64_t{limits.most}),
      rate_(limits.rate_where, "rate.connections", std::uint64_t{limits.rate}) {}

SourceRule Access::rule() const noexcept {
    if (!live_->limits_sources()) return rule_;
    SourceRule rule = rule_;
    if (const auto most = live_->find(LiveLimits::Key::max_per_source)) rule.most = *most;
    if (const auto rate = live_->find(LiveLimits::Key::rate)) rule.set_rate(*rate, per_, 0);
    return rule;
}

Rule Access::rule_for(Reason reason) const noexcept {
    const bool is_rate = reason == Reason::over_rate;
    const LiveLimits::Key key = is_rate ? LiveLimits::Key::rate : LiveLimits::Key::max_per_source;
    if (const auto ordered = live_->find(key)) return {of_an_order, 0, LiveLimits::name(key), std::uint64_t{*ordered}};
    return is_rate ? rate_ : most_;
}

std::optional<Refusal> Access::admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source,
                                     Behalf behalf) noexcept {
    source = SourceTable::nowhere;
    SourceTable* const sources = this->sources();
    if (!list_ && sources == nullptr) return std::nullopt;
    const std::optional<IpAddress> ip = ip_address(address);
    if (const auto verdict = judge(ip, behalf); verdict && !verdict->allows) return Refusal{Reason::denied_acl, *verdict->rule};
    if (sources == nullptr || !ip) return std::nullopt;
    const std::optional<Reason> reason = sources->enter(*ip, rule(), now, source);
    if (!reason) return std::nullopt;
    return Refusal{*reason, rule_for(*reason)};
}

} // namespace gatehouse::host
