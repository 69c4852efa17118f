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

// Of one listener.
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

    // 0: each has its own.
    explicit Refusals(unsigned per_second) noexcept : per_second_(per_second) {}

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
    static constexpr std::size_t places = 256; // a flood from more sources has records of its own
    static constexpr std::size_t most_tried = 4;
    static constexpr Nanoseconds a_second = 1'000'000'000;

    Kind* find(Reason reason, const std::optional<IpAddress>& source, Nanoseconds now) noexcept GATEHOUSE_REQUIRES(mutex_);

    const unsigned per_second_;
    Mutex mutex_;
    std::unique_ptr<std::array<Kind, places>> kinds_ GATEHOUSE_GUARDED_BY(mutex_); // null: nobody was refused yet
    std::size_t waiting_ GATEHOUSE_GUARDED_BY(mutex_) = 0;                         // with many.count != 0
};

} // namespace gatehouse::host
