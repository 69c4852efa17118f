#include "balance.hpp"

#include <algorithm>
#include <cmath>

namespace gateway {
namespace {

constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

// The finalizer of MurmurHash3: every bit of the result depends on every bit of `value`.
std::uint64_t mix(std::uint64_t value) noexcept {
    value = (value ^ (value >> 33U)) * 0xff51afd7ed558ccdU;
    value = (value ^ (value >> 33U)) * 0xc4ceb9fe1a85ec53U;
    return value ^ (value >> 33U);
}

// Fewer connections for its weight, with the next one counted.
bool less_loaded(const Slot& a, const Slot& b) noexcept {
    return (std::uint64_t{a.connections} + 1) * b.weight < (std::uint64_t{b.connections} + 1) * a.weight;
}

template <class Candidate>
std::size_t round_robin(std::span<Slot> slots, Candidate candidate) noexcept {
    std::size_t best = nobody;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (!candidate(slots[i])) continue;
        slots[i].current += slots[i].weight;
        total += slots[i].weight;
        if (best == nobody || slots[i].current > slots[best].current) best = i;
    }
    if (best != nobody) slots[best].current -= total;
    return best;
}

template <class Candidate>
std::size_t fewest_connections(std::span<const Slot> slots, std::size_t start, Candidate candidate) noexcept {
    std::size_t best = nobody;
    for (std::size_t n = 0, i = start; n < slots.size(); ++n, i = i + 1 < slots.size() ? i + 1 : 0)
        if (candidate(slots[i]) && (best == nobody || less_loaded(slots[i], slots[best]))) best = i;
    return best;
}

// Weighted rendezvous hashing: each server draws -log(u)/weight, u from (0, 1] by its identity and the client's key, and the
// least wins. A server that comes or goes, or whose weight changes, moves only the clients that it wins or loses.
template <class Candidate>
std::size_t rendezvous(std::span<const Slot> slots, std::uint64_t key, Candidate candidate) noexcept {
    std::size_t best = nobody;
    std::uint32_t best_drawn = 0;
    float least = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (!candidate(slots[i])) continue;
        const auto drawn = static_cast<std::uint32_t>(mix(slots[i].identity ^ key) >> 32U);
        // A smaller u with no more weight cannot win: that spares most of the logarithms.
        if (best != nobody && drawn <= best_drawn && slots[i].weight <= slots[best].weight) continue;
        const float draw = -std::log2((static_cast<float>(drawn) + 1.0F) * 0x1p-32F) / static_cast<float>(slots[i].weight);
        if (best != nobody && draw >= least) continue;
        best = i;
        best_drawn = drawn;
        least = draw;
    }
    return best;
}

} // namespace

std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U; // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return mix(hash);
}

// xorshift64*. With 64 bits it does not matter that some numbers come a little more often than others.
std::uint64_t Balancer::random(std::uint64_t below) noexcept {
    random_ ^= random_ >> 12U;
    random_ ^= random_ << 25U;
    random_ ^= random_ >> 27U;
    return random_ * 0x2545f4914f6cdd1dU % below;
}

template <class Candidate>
std::size_t Balancer::two_at_random(std::span<const Slot> slots, Candidate candidate) noexcept {
    std::uint64_t total = 0;
    for (const Slot& slot : slots)
        if (candidate(slot)) total += slot.weight;
    if (total == 0) return nobody;
    const auto one_of = [&](std::uint64_t weight, std::size_t without) {
        std::uint64_t left = random(weight);
        for (std::size_t i = 0;; ++i) {
            if (i == without || !candidate(slots[i])) continue;
            if (left < slots[i].weight) return i;
            left -= slots[i].weight;
        }
    };
    const std::size_t first = one_of(total, nobody);
    if (total == slots[first].weight) return first; // there is no other
    const std::size_t second = one_of(total - slots[first].weight, first);
    return less_loaded(slots[second], slots[first]) ? second : first;
}

template <class Candidate>
std::size_t Balancer::pick(std::span<Slot> slots, std::uint64_t key, Candidate candidate) noexcept {
    switch (method_) {
    case Method::round_robin:
        return round_robin(slots, candidate);
    case Method::least_connections:
        turn_ = turn_ + 1 < slots.size() ? turn_ + 1 : 0;
        return fewest_connections(slots, turn_, candidate);
    case Method::source:
        return rendezvous(slots, key, candidate);
    case Method::random:
        return two_at_random(slots, candidate);
    }
    return nobody;
}

Balancer::Choice Balancer::choose(std::span<Slot> slots, std::uint64_t key, std::span<const std::uint64_t> tried,
                                  std::span<const Held> held) noexcept {
    const auto usable = [tried](const Slot& slot) {
        return slot.usable && (tried.empty() || std::ranges::find(tried, slot.identity) == tried.end());
    };
    const auto takes_source = [held](const Slot& slot) {
        const auto found = std::ranges::find(held, slot.identity, &Held::identity);
        return found == held.end() || found->connections < slot.per_source;
    };
    bool any = false;
    std::uint32_t rank = std::numeric_limits<std::uint32_t>::max();
    for (const Slot& slot : slots) {
        if (!usable(slot)) continue;
        any = true;
        rank = std::min(rank, slot.rank);
    }
    if (!any) return {Choice::none, 0};
    const auto has_room = [&](const Slot& slot) { return slot.connections < slot.limit && slot.rank == rank && usable(slot); };
    const std::size_t index = pick(slots, key, [&](const Slot& slot) { return has_room(slot) && takes_source(slot); });
    if (index != nobody) return {Choice::chosen, index};
    return {std::ranges::any_of(slots, has_room) ? Choice::source_full : Choice::full, 0};
}

} // namespace gateway
