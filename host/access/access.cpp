#include "access/access.hpp"

namespace gatehouse::host {
namespace {

enum : std::uint32_t { denied, allowed };

// Of equal networks the first counts.
std::vector<NetworkTable::Entry> entries_of(const AccessLists& lists, std::span<const Network> proxies) {
    std::vector<NetworkTable::Entry> entries;
    entries.reserve(proxies.size() + lists.allow.size() + lists.deny.size());
    for (const Network& network : proxies) entries.push_back({network, allowed});
    for (const Network& network : lists.allow) entries.push_back({network, allowed});
    for (const Network& network : lists.deny) entries.push_back({network, denied});
    return entries;
}

} // namespace

AccessList::AccessList(const AccessLists& lists, std::span<const Network> proxies)
    : by_default_(lists.allow.empty()), clients_(entries_of(lists, {})) {
    if (!lists.deny.empty() && !proxies.empty()) proxies_ = NetworkTable(entries_of(lists, proxies));
}

bool AccessList::allows(const std::optional<IpAddress>& address, Behalf behalf) const noexcept {
    const bool of_client = behalf == Behalf::client;
    const std::optional<std::uint32_t> found = address ? (of_client ? clients_ : proxies_).find(*address) : std::nullopt;
    return found ? *found == allowed : by_default_ || !of_client;
}

Access::Access(const AccessLists& lists, SourceTable* sources, const SourceLimits& limits, std::span<const Network> proxies)
    : list_(lists == AccessLists() ? std::nullopt : std::optional(AccessList(lists, proxies))), sources_(sources),
      rule_(limits) {}

std::optional<Reason> Access::admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source,
                                    Behalf behalf) noexcept {
    source = SourceTable::nowhere;
    if (!list_ && sources_ == nullptr) return std::nullopt;
    const std::optional<IpAddress> ip = ip_address(address);
    if (list_ && !list_->allows(ip, behalf)) return Reason::denied_acl;
    return sources_ != nullptr && ip ? sources_->enter(*ip, rule_, now, source) : std::nullopt;
}

} // namespace gatehouse::host
