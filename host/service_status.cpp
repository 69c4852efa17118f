#include "service_status.hpp"

#include "base/if_memory_allows.hpp"
#include "generations.hpp"
#include "handover/message.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

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
    const char* const path = std::getenv("NOTIFY_SOCKET");
    const std::size_t size = path != nullptr ? std::strlen(path) : 0;
    if (size < 2 || size >= sizeof address_.sun_path || (path[0] != '/' && path[0] != '@')) return;
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, path, size);
    if (path[0] == '@') address_.sun_path[0] = '\0';
    address_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    period_ = usual_period;
    if (const char* const limit = std::getenv("WATCHDOG_USEC"); limit != nullptr)
        if (const std::uint64_t microseconds = number_or(limit, std::uint64_t{0}); microseconds != 0)
            period_ = std::min(period_, static_cast<Nanoseconds>(std::min<std::uint64_t>(microseconds, 1'000'000'000)) * 500);
}

// Unlike sd_notify(3) it needs no descriptor, or the watchdog would end a host that has none left; and it does not wait while
// systemd is busy, who hears of the same before long.
void ServiceStatus::tell(std::string_view message) const noexcept {
    ::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address_),
             address_size_);
}

Nanoseconds ServiceStatus::supervise(Nanoseconds now, const Generations& generations, bool draining) noexcept {
    if (period_ == never) return never;
    if (now < due_) return due_;
    due_ = now + period_;
    tell("WATCHDOG=1"); // if there is no watchdog, systemd does not mind
    if_memory_allows([&] { tell("STATUS=" + text_of(generations, draining)); });
    return due_;
}

} // namespace gatehouse::host
