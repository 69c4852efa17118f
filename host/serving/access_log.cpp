#include "serving/access_log.hpp"

#include <new>

namespace gatehouse::host {

void log_closed(Log& log, const Closed& closed) noexcept {
    try {
        const Proxied* const proxied = closed.proxied;
        const Nanoseconds microseconds = closed.duration / 1000; // the record has no more digits
        // Fields without a key are left out.
        log.info("closed",
                 {{"listener", closed.listener},
                  {closed.plugin.empty() ? "" : "plugin", closed.plugin},
                  {"peer", to_string(closed.peer)},
                  {proxied != nullptr ? "transport_peer" : "", proxied != nullptr ? to_string(proxied->transport) : ""},
                  {proxied != nullptr && !proxied->unique_id.empty() ? "unique_id" : "",
                   proxied != nullptr ? std::string_view(proxied->unique_id) : ""},
                  {closed.upstream != nullptr ? "upstream" : "", closed.upstream != nullptr ? to_string(*closed.upstream) : ""},
                  {closed.tls.empty() ? "" : "tls", closed.tls},
                  {"in", closed.in},
                  {"out", closed.out},
                  {"ms", static_cast<double>(microseconds) / 1000.0},
                  {"reason", to_string(closed.reason)}});
    } catch (const std::bad_alloc&) { // the reason is counted all the same
    }
}

} // namespace gatehouse::host
