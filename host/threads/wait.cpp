#include "threads/wait.hpp"

#include "base/check.hpp"
#include "threads/pool.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace gatehouse::host {

namespace {

// Without a descriptor for a bell the thread looks now and then whether it has been called.
constexpr Nanoseconds look_interval = 100'000'000;

timespec timespec_of(Nanoseconds time) noexcept { return {time / 1'000'000'000, time % 1'000'000'000}; }

} // namespace

Nanoseconds end_of_waits(const Drain& drain) noexcept {
    const OwnDrain* const own = OwnDrain::of_this_thread();
    return own != nullptr ? std::min(drain.deadline(), own->deadline()) : drain.deadline();
}

Waited wait(std::span<pollfd> items, Nanoseconds until, const Drain& drain, OnDrain on_drain, OnRing on_ring) noexcept {
    GATEHOUSE_CHECK(items.size() <= most_waited_for);
    const Pool::Blocked blocked;
    OwnDrain* const own = OwnDrain::of_this_thread();
    const OwnDrain::Listening listening(own);
    const Bell* const bell = listening.bell();
    std::array<pollfd, most_waited_for + 2> waiting; // not initialised: only the copied ones are looked at
    std::copy(items.begin(), items.end(), waiting.begin());
    pollfd& drains = waiting[items.size()];
    pollfd& rings = waiting[items.size() + 1];
    rings = {bell != nullptr ? bell->descriptor() : -1, POLLIN, 0};
    for (;;) {
        // A drain that starts during the wait must be heard even if it does not end the wait: its deadline counts from then on.
        const bool listen = on_drain == OnDrain::end || !drain.started();
        drains = {listen ? drain.descriptor() : -1, POLLIN, 0};
        const bool is_told = on_drain == OnDrain::end && (drain.started() || (own != nullptr && own->started()));
        const Nanoseconds limit = std::min(until, end_of_waits(drain));
        const Nanoseconds left = limit == never ? never : limit - monotonic_now();
        if (left <= 0) return Waited::timeout;
        const bool looks = own != nullptr && bell == nullptr;
        const timespec timeout = timespec_of(is_told ? 0 : looks ? std::min(left, look_interval) : left);
        const int ready =
            ::ppoll(waiting.data(), items.size() + 2, left == never && !is_told && !looks ? nullptr : &timeout, nullptr);
        if (ready < 0 && errno != EINTR) return Waited::failed;
        if (ready > 0) {
            std::copy_n(waiting.begin(), items.size(), items.begin());
            if (std::any_of(items.begin(), items.end(), [](const pollfd& item) { return item.revents != 0; }))
                return Waited::ready;
            if (rings.revents != 0) bell->acknowledge();
        }
        if (is_told || (ready > 0 && drains.revents != 0 && on_drain == OnDrain::end)) return Waited::draining;
        if (on_ring == OnRing::end && (looks || (ready > 0 && rings.revents != 0))) return Waited::rung;
    }
}

bool ready_now(std::span<pollfd> items) noexcept { return ::poll(items.data(), items.size(), 0) > 0; }

} // namespace gatehouse::host
