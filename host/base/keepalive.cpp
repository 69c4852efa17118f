#include "base/keepalive.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gatehouse::host {

bool set_keepalive(int fd, const Keepalive& keepalive) noexcept {
    if (!keepalive.on) return true;
    const auto set = [&](int level, int name, int value) {
        return value == 0 || ::setsockopt(fd, level, name, &value, sizeof value) == 0;
    };
    const bool on = set(SOL_SOCKET, SO_KEEPALIVE, 1);
    return set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive.idle) && set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive.interval) &&
           set(IPPROTO_TCP, TCP_KEEPCNT, keepalive.probes) && on;
}

} // namespace gatehouse::host
