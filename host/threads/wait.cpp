#include "threads/wait.hpp"

#include "base/check.hpp"
#include "threads/pool.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace gatehouse::host {

Waited wait(std::span<pollfd> items, Nanoseconds until, const Drain& drain, OnDrain on_drain) noexcept {
    GATEHOUSE_CHECK(items.size() <= most_waited_for);
    const Pool::Blocked blocked;
    std::array<pollfd, most_waited_for + 1> waiting; // not initialised: only the copied ones are looked at
    std::copy(items.begin(), items.end(), waiting.begin());
    for (;;) {
        // A drain that starts during the wait must be heard even if it does not end the wait: its deadline counts from then on.
        const bool listen = on_drain == OnDrain::end || !drain.started();
        waiting[items.size()] = {drain.descriptor(), POLLIN, 0};
        const Nanoseconds limit = std::min(until, drain.deadline());
        const Nanoseconds left = limit == never ? never : limit - monotonic_now();
        if (left <= 0) return Waited::timeout;
        const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
        const int ready =
            ::ppoll(waiting.data(), items.size() + (listen ? 1U : 0U), limit == never ? nullptr : &timeout, nullptr);
        if (ready < 0 && errno != EINTR) return Waited::failed;
        if (ready <= 0) continue;
        std::copy_n(waiting.begin(), items.size(), items.begin());
        if (std::any_of(items.begin(), items.end(), [](const pollfd& item) { return item.revents != 0; })) return Waited::ready;
        if (on_drain == OnDrain::end) return Waited::draining;
    }
}

bool ready_now(std::span<pollfd> items) noexcept { return ::poll(items.data(), items.size(), 0) > 0; }

} // namespace gatehouse::host
