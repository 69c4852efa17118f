// How many connections each source has open, and how fast it makes new ones.
//
// A source is the network of a configured length around an address. The table has a fixed size, and a source has its place in
// one of a few slots, which its hash tells: a look-up locks one of 64 locks and looks at 8 slots. A slot can be used again when
// its source has no connection open and its rate is as of one that was never seen. If all 8 are in use, the source without
// connections that is nearest to that is forgotten; if all have connections, the newcomer is let in uncounted.
//
// The rate is a token bucket, kept as one point in time (the "theoretical arrival time" of the generic cell rate algorithm,
// ITU-T I.371): it lies as far ahead as tokens are missing, and each admission moves it on by the time that one token takes.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "net/network.hpp"
#include "net/source_hash.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace gatehouse::host {

// The limits of SourceLimits in the numbers that the table counts with.
struct SourceRule {
    explicit SourceRule(const SourceLimits& limits) noexcept;
    // So many new connections in each `per`; 0: no limit. `burst`: at once; 0: as many.
    void set_rate(std::uint32_t rate, Milliseconds per, std::uint32_t burst) noexcept;

    std::uint32_t most;        // 0: no limit
    Nanoseconds interval = 0;  // the time that a token takes; 0: no rate
    Nanoseconds tolerance = 0; // how far ahead the arrival time may lie
    std::uint8_t v4_bits;
    std::uint8_t v6_bits;
};

class SourceTable {
  public:
    // Room for twice the connections that there may be, and for `least` at any rate.
    explicit SourceTable(std::uint32_t max_connections); // throws std::bad_alloc
    static constexpr std::size_t least = 4096;

    // Counts a new connection of this source. A reason: by this rule it must not come, and is not counted. Otherwise `slot`
    // says where it was counted, for leave(). The rule may be another one each time: what has been counted stays. [any]
    std::optional<Reason> enter(const IpAddress& address, const SourceRule& rule, Nanoseconds now,
                                std::uint32_t& slot) noexcept;

    // What enter() would say of a new connection of this source, which is not counted. [any]
    struct Standing {
        std::uint32_t open = 0;
        std::uint64_t left = 0; // how many new ones its rate lets in at once; without a rate: 0
        std::optional<Reason> reason;
    };
    Standing standing(const IpAddress& address, const SourceRule& rule, Nanoseconds now) const noexcept;

    // A connection has ended. `slot` may be `nowhere`. [any]
    void leave(std::uint32_t slot) noexcept {
        if (slot != nowhere) slots_[slot].open.fetch_sub(1, std::memory_order_release);
    }
    static constexpr std::uint32_t nowhere = 0xffffffff;

    struct Counts {
        std::uint64_t remembered = 0; // sources that have connections or a rate to remember
        std::uint64_t uncounted = 0;  // connections that there was no room for, since the start
    };
    Counts counts(Nanoseconds now) const noexcept; // looks through all of the table

    // A source that has connections or a rate to remember.
    struct Source {
        IpAddress address;
        std::uint32_t open = 0;
        std::uint64_t recent = 0; // of its burst, how many connections it has used and not got back yet
    };
    // The `most` sources with the most connections, in this order. `interval`: of the rule. Looks through all of the table. May
    // throw std::bad_alloc. [any]
    std::vector<Source> top(std::size_t most, Nanoseconds interval, Nanoseconds now) const;

  private:
    static constexpr std::size_t ways = 8;
    static constexpr std::size_t locks = 64;

    // All but `open` is guarded by the lock of its set of slots.
    struct Slot {
        IpAddress source;
        Nanoseconds arrival = 0; // when the bucket is full again
        std::atomic<std::uint32_t> open{0};

        bool in_use(Nanoseconds now) const noexcept { return open.load(std::memory_order_acquire) != 0 || arrival > now; }
    };

    static std::optional<Reason> judge(std::uint32_t open, Nanoseconds arrival, const SourceRule& rule,
                                       Nanoseconds now) noexcept;
    std::size_t set_of(const IpAddress& source) const noexcept;
    Slot* find(Slot* set, const IpAddress& source, Nanoseconds now) const noexcept;

    const std::size_t sets_; // a power of 2; constant after construction, as are all but the locks and the counter
    const SourceHash hash_;
    const std::unique_ptr<Slot[]> slots_;
    mutable std::array<Mutex, locks> locks_;
    std::atomic<std::uint64_t> uncounted_{0};
};

} // namespace gatehouse::host
