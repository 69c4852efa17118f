#include "base/shortages.hpp"

#include <new>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds pace = 1'000'000'000;

std::string_view advice(Reason lacking) noexcept {
    switch (lacking) {
    case Reason::host_out_of_fds:
        return "raise the limit on open files (ulimit -n, LimitNOFILE=)";
    case Reason::host_out_of_ports:
        return "widen net.ipv4.ip_local_port_range, or give the server more addresses";
    default:
        return "the machine is short of memory";
    }
}

} // namespace

void Shortages::say(Reason lacking, std::string_view server, std::string_view error) noexcept {
    Said& said = said_[static_cast<std::size_t>(lacking)];
    const Nanoseconds now = monotonic_now();
    Nanoseconds next = said.next.load();
    if (now < next || !said.next.compare_exchange_strong(next, now + pace)) {
        said.left_out.fetch_add(1);
        return;
    }
    try {
        log_.error("this host lacks what it needs to reach a server, which is not to blame",
                   {{"server", server},
                    {"reason", to_string(lacking)},
                    {"error", error},
                    {"left_out", said.left_out.exchange(0)},
                    {"advice", advice(lacking)}});
    } catch (const std::bad_alloc&) { // the reasons are counted all the same
    }
}

} // namespace gatehouse::host
