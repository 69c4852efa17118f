#include "access/source_table.hpp"

#include <algorithm>
#include <bit>

namespace gatehouse::host {

SourceRule::SourceRule(const SourceLimits& limits) noexcept
    : most(limits.most), v4_bits(limits.v4_bits), v6_bits(limits.v6_bits) {
    set_rate(limits.rate, limits.per, limits.burst);
}

void SourceRule::set_rate(std::uint32_t rate, Milliseconds per, std::uint32_t burst) noexcept {
    interval = rate == 0 ? 0 : std::max<Nanoseconds>(Nanoseconds{per.count()} * 1'000'000 / rate, 1);
    tolerance = interval * (Nanoseconds{burst != 0 ? burst : rate} - 1);
}

SourceTable::SourceTable(std::uint32_t max_connections)
    : sets_(std::bit_ceil(std::max<std::size_t>(std::size_t{max_connections} * 2, least)) / ways),
      slots_(std::make_unique<Slot[]>(sets_ * ways)) {}

std::size_t SourceTable::set_of(const IpAddress& source) const noexcept { return hash_(source) & (sets_ - 1); }

// The source's slot, or one that it can have; null if all belong to sources with connections.
SourceTable::Slot* SourceTable::find(Slot* set, const IpAddress& source, Nanoseconds now) const noexcept {
    Slot* best = nullptr;
    for (Slot* slot = set; slot != set + ways; ++slot) {
        if (slot->source == source && slot->in_use(now)) return slot;
        if (slot->open.load(std::memory_order_acquire) == 0 && (best == nullptr || slot->arrival < best->arrival)) best = slot;
    }
    if (best == nullptr) return nullptr;
    best->source = source;
    best->arrival = 0;
    return best;
}

// Why one more connection must not come, of a source with so many and this arrival time.
std::optional<Reason> SourceTable::judge(std::uint32_t open, Nanoseconds arrival, const SourceRule& rule,
                                         Nanoseconds now) noexcept {
    if (rule.most != 0 && open >= rule.most) return Reason::source_full;
    if (rule.interval != 0 && arrival - now > rule.tolerance) return Reason::over_rate;
    return std::nullopt;
}

SourceTable::Standing SourceTable::standing(const IpAddress& address, const SourceRule& rule, Nanoseconds now) const noexcept {
    const IpAddress source = masked(address, address.v6 ? rule.v6_bits : rule.v4_bits);
    const std::size_t set = set_of(source);
    Nanoseconds arrival = now;
    Standing standing;
    {
        const MutexLock lock(locks_[set % locks]);
        for (const Slot* slot = &slots_[set * ways]; slot != &slots_[set * ways] + ways; ++slot) {
            if (slot->source != source || !slot->in_use(now)) continue;
            standing.open = slot->open.load(std::memory_order_relaxed);
            arrival = std::max(now, slot->arrival);
        }
    }
    standing.reason = judge(standing.open, arrival, rule, now);
    if (rule.interval != 0 && arrival - now <= rule.tolerance)
        standing.left = static_cast<std::uint64_t>((rule.tolerance - (arrival - now)) / rule.interval + 1);
    return standing;
}

std::optional<Reason> SourceTable::enter(const IpAddress& address, const SourceRule& rule, Nanoseconds now,
                                         std::uint32_t& slot) noexcept {
    slot = nowhere;
    const IpAddress source = masked(address, address.v6 ? rule.v6_bits : rule.v4_bits);
    const std::size_t set = set_of(source);
    const MutexLock lock(locks_[set % locks]);
    Slot* const found = find(&slots_[set * ways], source, now);
    if (found == nullptr) {
        uncounted_.fetch_add(1, std::memory_order_relaxed);
        return std::nullopt;
    }
    if (const auto reason = judge(found->open.load(std::memory_order_relaxed), found->arrival, rule, now)) return reason;
    if (rule.interval != 0) found->arrival = std::max(found->arrival, now) + rule.interval;
    found->open.fetch_add(1, std::memory_order_relaxed);
    slot = static_cast<std::uint32_t>(found - slots_.get());
    return std::nullopt;
}

SourceTable::Counts SourceTable::counts(Nanoseconds now) const noexcept {
    Counts counts;
    for (std::size_t set = 0; set < sets_; ++set) {
        const MutexLock lock(locks_[set % locks]);
        for (const Slot* slot = &slots_[set * ways]; slot != &slots_[set * ways] + ways; ++slot)
            counts.remembered += slot->in_use(now) ? 1 : 0;
    }
    counts.uncounted = uncounted_.load(std::memory_order_relaxed);
    return counts;
}

std::vector<SourceTable::Source> SourceTable::top(std::size_t most, Nanoseconds interval, Nanoseconds now) const {
    std::vector<Source> found; // a heap whose first is the least
    const auto more = [](const Source& one, const Source& two) {
        return one.open != two.open ? one.open > two.open : one.recent > two.recent;
    };
    for (std::size_t set = 0; set < sets_ && most != 0; ++set) {
        const MutexLock lock(locks_[set % locks]);
        for (const Slot* slot = &slots_[set * ways]; slot != &slots_[set * ways] + ways; ++slot) {
            if (!slot->in_use(now)) continue;
            Source source{slot->source, slot->open.load(std::memory_order_relaxed), 0};
            if (interval != 0 && slot->arrival > now)
                source.recent = static_cast<std::uint64_t>((slot->arrival - now + interval - 1) / interval);
            if (found.size() == most) {
                if (!more(source, found.front())) continue;
                std::pop_heap(found.begin(), found.end(), more);
                found.pop_back();
            }
            found.push_back(source);
            std::push_heap(found.begin(), found.end(), more);
        }
    }
    std::sort_heap(found.begin(), found.end(), more);
    return found;
}

} // namespace gatehouse::host
