// Refusals of one kind: beyond so many in a second they share a record, so that a flood does not fill the log.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "net/address.hpp"
#include "net/network.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace gatehouse::host {

// Of one listener. Thread-safe.
class Refusals {
  public:
    // Those of one reason and source that had no record of their own.
    struct Many {
        Reason reason{};
        SocketAddress peer; // the last of them
        std::uint64_t count = 0;
        std::int64_t first = 0; // milliseconds since 1970
        std::int64_t last = 0;
    };

    // 0: each has its own. `v4_bits`, `v6_bits`: of an address, that make a source.
    Refusals(unsigned per_second, unsigned v4_bits, unsigned v6_bits) noexcept
        : per_second_(per_second), v4_bits_(v4_bits), v6_bits_(v6_bits) {}

    // Whether this one is to have a record of its own. If not, `first` says whether it is the first of those that have none.
    // [any]
    bool has_record(Reason reason, const SocketAddress& peer, Nanoseconds now, bool& first) noexcept;

    // Some that have waited for a second, or any with `all`; nothing: there are none. Lowers `again` to when it wants to be
    // asked again. [main]
    std::optional<Many> take(Nanoseconds now, bool all, Nanoseconds& again) noexcept;

  private:
    struct Kind {
        std::optional<IpAddress> source;
        Nanoseconds since = 0; // of its second; 0: the place is free
        unsigned recorded = 0;
        Many many;
    };
    // Behind these there is one for each reason, of the sources that have found no place.
    static constexpr std::size_t places = 256;
    static constexpr std::size_t most_tried = 4;
    static constexpr Nanoseconds a_second = 1'000'000'000;

    using Kinds = std::array<Kind, places + reason_names.size()>;

    Kind& find(Reason reason, const std::optional<IpAddress>& source, Nanoseconds now) noexcept GATEHOUSE_REQUIRES(mutex_);
    std::optional<IpAddress> source_of(const SocketAddress& peer) const noexcept;

    const unsigned per_second_;
    const unsigned v4_bits_;
    const unsigned v6_bits_;
    Mutex mutex_;
    std::unique_ptr<Kinds> kinds_ GATEHOUSE_GUARDED_BY(mutex_); // null: nobody was refused yet
    std::size_t waiting_ GATEHOUSE_GUARDED_BY(mutex_) = 0;      // with many.count != 0
};

} // namespace gatehouse::host
