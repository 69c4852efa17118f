#include "service_status.hpp"

#include "base/if_memory_allows.hpp"
#include "generations.hpp"
#include "handover/message.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <systemd/sd-daemon.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds usual_period = 10'000'000'000;

// "ready: 38 listeners, 1330 open, generation 8; draining: 488 left", which are those of earlier generations.
std::string text_of(const Generations& generations, bool draining) {
    const Generation& now = generations.now();
    std::uint64_t open = 0;
    for (const Generation* generation : generations.all()) open += generation->open();
    if (draining) return "draining: " + std::to_string(open) + " left";
    const std::uint64_t old = open - std::min<std::uint64_t>(open, now.open());
    const std::size_t listeners = now.services().size();
    return "ready: " + std::to_string(listeners) + (listeners == 1 ? " listener, " : " listeners, ") +
           std::to_string(open - old) + " open, generation " + std::to_string(now.number()) +
           (old != 0 ? "; draining: " + std::to_string(old) + " left" : "");
}

} // namespace

// WATCHDOG_PID is not looked at: after an upgrade it is that of an earlier process.
ServiceStatus::ServiceStatus() noexcept {
    if (std::getenv("NOTIFY_SOCKET") == nullptr) return;
    period_ = usual_period;
    if (const char* const limit = std::getenv("WATCHDOG_USEC"); limit != nullptr)
        if (const std::uint64_t microseconds = number_or(limit, std::uint64_t{0}); microseconds != 0)
            period_ = std::min(period_, static_cast<Nanoseconds>(std::min<std::uint64_t>(microseconds, 1'000'000'000)) * 500);
}

Nanoseconds ServiceStatus::supervise(Nanoseconds now, const Generations& generations, bool draining) noexcept {
    if (period_ == never) return never;
    if (now < due_) return due_;
    due_ = now + period_;
    ::sd_notify(0, "WATCHDOG=1"); // if there is no watchdog, systemd does not mind
    if_memory_allows([&] { ::sd_notify(0, ("STATUS=" + text_of(generations, draining)).c_str()); });
    return due_;
}

} // namespace gatehouse::host
