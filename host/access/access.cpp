#include "access/access.hpp"

namespace gatehouse::host {
namespace {

enum : std::uint32_t { denied, allowed };

std::vector<NetworkTable::Entry> entries_of(const AccessLists& lists) {
    std::vector<NetworkTable::Entry> entries;
    entries.reserve(lists.allow.size() + lists.deny.size());
    for (const Network& network : lists.allow) entries.push_back({network, allowed});
    for (const Network& network : lists.deny) entries.push_back({network, denied});
    return entries;
}

} // namespace

AccessList::AccessList(const AccessLists& lists) : by_default_(lists.allow.empty()), table_(entries_of(lists)) {}

bool AccessList::allows(const std::optional<IpAddress>& address) const noexcept {
    const std::optional<std::uint32_t> found = address ? table_.find(*address) : std::nullopt;
    return found ? *found == allowed : by_default_;
}

Access::Access(const AccessLists& lists, SourceTable* sources)
    : list_(lists == AccessLists() ? std::nullopt : std::optional(AccessList(lists))), sources_(sources) {}

std::optional<Reason> Access::admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source) noexcept {
    source = SourceTable::nowhere;
    if (!list_ && sources_ == nullptr) return std::nullopt;
    const std::optional<IpAddress> ip = ip_address(address);
    if (list_ && !list_->allows(ip)) return Reason::denied_acl;
    return sources_ != nullptr && ip ? sources_->enter(*ip, now, source) : std::nullopt;
}

} // namespace gatehouse::host
