// The part of a listener that lives as long as its name: the slots of its connections, and the counters. A reload makes a new
// Service over the same Endpoint, so that ids stay unique, limits count old and new connections, and counters never fall.
#pragma once

#include "access/live_limits.hpp"
#include "access/source_table.hpp"
#include "base/histogram.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "base/time_histogram.hpp"
#include "config/config.hpp"
#include "connection/slots.hpp"
#include "listen/acceptor.hpp"
#include "stages/route_counts.hpp"
#include "threads/pool_record.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

namespace gatehouse::host {

// The highest value so far, of a sum that is read while it moves. [any]
class HighWaterMark {
  public:
    std::uint64_t raise(std::uint64_t value) noexcept {
        std::uint64_t highest = highest_.load();
        while (highest < value && !highest_.compare_exchange_weak(highest, value)) {
        }
        return std::max(highest, value);
    }

  private:
    std::atomic<std::uint64_t> highest_{0};
};

struct Endpoint {
    // `listener_number` is below max_listeners. `orders`: the limits that the operator has set for this name.
    Endpoint(std::uint32_t listener_number, SpareDescriptor& hosts_spare, LiveLimits& orders) noexcept
        : number(listener_number), spare(hosts_spare), limits(orders), slots(listener_number) {}

    // Has the sources counted, from here on. Throws std::bad_alloc. [who makes a Service, main]
    void make_sources(const ListenerConfig& config) {
        const MutexLock lock(making_);
        if (!sources_) sources_ = std::make_unique<SourceTable>(config.max_connections);
        limits.sources.store(sources_.get(), std::memory_order_release);
    }
    // The same, if this configuration or an order has a limit for them. [who makes a Service]
    void make_sources_if_limited(const ListenerConfig& config) {
        if (config.sources.most != 0 || config.sources.rate != 0 || limits.limits_sources()) make_sources(config);
    }

    const std::uint32_t number; // in the ids of its connections
    SpareDescriptor& spare;
    LiveLimits& limits;
    ConnectionSlots slots;
    AcceptCounts accepts;
    Ledger ledger;                    // of connections that have ended
    Histogram waits;                  // from accept to the first serve()
    TimeHistogram wait_times;         // the same, for the metrics
    TimeHistogram durations;          // of connections, from accept to close
    std::atomic<std::uint64_t> in{0}; // bytes of connections that have ended; see Service::status()
    std::atomic<std::uint64_t> out{0};
    PoolRecord threads;
    RouteCounts routes;
    HighWaterMark total_in; // what was told of all connections: a counter never falls
    HighWaterMark total_out;
    Mutex counting;                                                 // guards the next two
    std::uint64_t last_drops GATEHOUSE_GUARDED_BY(counting) = 0;    // of the accept queue, as the kernel has counted last
    std::uint64_t earlier_drops GATEHOUSE_GUARDED_BY(counting) = 0; // of sockets before this one
    Mutex ordering;                     // who orders or looks holds a connection (Owner::hold), one at a time
    std::atomic<std::uint32_t> open{0}; // connections, of all generations, lingering ones included

  private:
    Mutex making_;
    std::unique_ptr<SourceTable> sources_ GATEHOUSE_GUARDED_BY(making_); // null: nobody has wanted them counted yet
};

} // namespace gatehouse::host
