#include "process/descriptor_limit.hpp"

#include "base/limit_advice.hpp"
#include "base/log.hpp"

#include <cerrno>
#include <sys/resource.h>

namespace gatehouse::host {

void warn_of_descriptors(const std::vector<ListenerConfig>& listeners, Log& log) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    for (const ListenerConfig& listener : listeners)
        if (listener.max_connections >= files.rlim_cur)
            log.warning("max_connections is more than the limit on open files", {{"listener", listener.name},
                                                                                 {"max_connections", listener.max_connections},
                                                                                 {"limit", files.rlim_cur},
                                                                                 {"advice", limit_advice(EMFILE)}});
}

} // namespace gatehouse::host
