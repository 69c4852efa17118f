// The part of a listener that lives as long as its name: the slots of its connections, and the counters. A reload makes a new
// Service over the same Endpoint, so that ids stay unique, limits count old and new connections, and counters never fall.
#pragma once

#include "access/source_table.hpp"
#include "base/histogram.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "connection/slots.hpp"
#include "listen/acceptor.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace gatehouse::host {

struct Endpoint {
    // `listener_number` is below max_listeners.
    Endpoint(std::uint32_t listener_number, SpareDescriptor& hosts_spare) noexcept
        : number(listener_number), spare(hosts_spare), slots(listener_number) {}

    // What counts the sources for this configuration; null: they have no limits. Made when there is a limit for the first time,
    // and kept. Throws std::bad_alloc. [who makes a Service]
    SourceTable* sources_for(const ListenerConfig& config) {
        if (config.sources.most == 0 && config.sources.rate == 0) return nullptr;
        if (!sources) sources = std::make_unique<SourceTable>(config.max_connections);
        return sources.get();
    }

    const std::uint32_t number; // in the ids of its connections
    SpareDescriptor& spare;
    ConnectionSlots slots;
    AcceptCounts accepts;
    std::unique_ptr<SourceTable> sources; // see sources_for()
    Ledger ledger;                        // of connections that have ended
    Histogram waits;                      // from accept to the first serve()
    Mutex ordering;                       // who orders or looks holds a connection (Owner::hold), one at a time
    std::atomic<std::uint32_t> open{0};   // connections, of all generations, lingering ones included
};

} // namespace gatehouse::host
