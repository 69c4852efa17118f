// The part of a listener that lives as long as its name: its sockets, the slots of its connections, and the counters. A
// reload makes a new Service over the same Endpoint, so that ids stay unique, limits count old and new connections, and
// counters never fall.
#pragma once

#include "access/source_table.hpp"
#include "base/histogram.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "connection/slots.hpp"
#include "listen/acceptor.hpp"
#include "listen/listener.hpp"

#include <atomic>
#include <cstdint>
#include <list>
#include <optional>

namespace gatehouse::host {

struct Endpoint {
    // Binds the listening sockets. `listener_number` is below max_listeners. Throws ListenError or std::bad_alloc. [main]
    Endpoint(const ListenerConfig& config, std::uint32_t listener_number, SpareDescriptor& hosts_spare, Log& log)
        : number(listener_number), sockets(open_sockets(config, log)), spare(hosts_spare),
          slots(listener_number, config.max_connections) {
        if (config.sources.most != 0 || config.sources.rate != 0) sources.emplace(config.sources, config.max_connections);
    }

    const std::uint32_t number;  // in the ids of its connections
    std::list<Listener> sockets; // one, or all that were inherited under its name; never none
    SpareDescriptor& spare;
    ConnectionSlots slots;
    AcceptCounts accepts;
    std::optional<SourceTable> sources; // nothing: sources have no limits
    Ledger ledger;                      // of connections that have ended
    Histogram waits;                    // from accept to the first serve()
    std::atomic<std::uint32_t> open{0}; // connections, of all generations, lingering ones included
};

} // namespace gatehouse::host
