#include "serving/refusals.hpp"

#include "base/time_text.hpp"
#include "net/source_hash.hpp"

#include <algorithm>
#include <new>

namespace gatehouse::host {

// Its place, or a free one, which is then its own, or the one that it shares.
Refusals::Kind& Refusals::find(Reason reason, const std::optional<IpAddress>& source, Nanoseconds now) noexcept {
    static const SourceHash hash;
    const std::size_t begin = source ? hash(*source) : 0;
    Kind* free = nullptr;
    for (std::size_t i = 0; i < most_tried; ++i) {
        Kind& kind = (*kinds_)[(begin + static_cast<std::size_t>(reason) + i) % places];
        if (kind.since != 0 && kind.many.reason == reason && kind.source == source) return kind;
        const bool over = now >= kind.since + a_second && kind.many.count == 0;
        if (free == nullptr && (kind.since == 0 || over)) free = &kind;
    }
    Kind& place = free != nullptr ? *free : (*kinds_)[places + static_cast<std::size_t>(reason)];
    if (free == nullptr && place.since != 0) return place;
    place = Kind();
    if (free != nullptr) place.source = source;
    place.since = now;
    place.many.reason = reason;
    return place;
}

std::optional<IpAddress> Refusals::source_of(const SocketAddress& peer) const noexcept {
    const std::optional<IpAddress> address = ip_address(peer);
    return address ? std::optional(masked(*address, address->v6 ? v6_bits_ : v4_bits_)) : std::nullopt;
}

bool Refusals::has_record(Reason reason, const SocketAddress& peer, Nanoseconds now, bool& first) noexcept {
    if (per_second_ == 0) return true;
    const MutexLock lock(mutex_);
    if (!kinds_) kinds_.reset(new (std::nothrow) Kinds);
    if (!kinds_) return true;
    Kind& kind = find(reason, source_of(peer), now);
    if (kind.many.count == 0 && now >= kind.since + a_second) {
        kind.since = now;
        kind.recorded = 0;
    }
    if (kind.many.count == 0 && kind.recorded < per_second_) {
        ++kind.recorded;
        return true;
    }
    kind.many.last = milliseconds_since_1970();
    kind.many.peer = peer;
    first = kind.many.count++ == 0;
    if (first) {
        kind.many.first = kind.many.last;
        ++waiting_;
    }
    return false;
}

std::optional<Refusals::Many> Refusals::take(Nanoseconds now, bool all, Nanoseconds& again) noexcept {
    const MutexLock lock(mutex_);
    if (waiting_ == 0) return std::nullopt;
    for (Kind& kind : *kinds_) {
        if (kind.many.count == 0) continue;
        if (!all && now < kind.since + a_second) {
            again = std::min(again, kind.since + a_second);
            continue;
        }
        --waiting_;
        const Many many = kind.many;
        kind.many.count = 0;
        kind.since = now;
        kind.recorded = 0;
        return many;
    }
    return std::nullopt;
}

} // namespace gatehouse::host
