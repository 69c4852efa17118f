// What a listener says of itself, as numbers: for the log, the control socket and metrics.
#pragma once

#include "access/source_table.hpp"
#include "base/histogram.hpp"
#include "base/log.hpp"
#include "base/reason.hpp"
#include "base/time_histogram.hpp"
#include "connection/connection.hpp"
#include "listen/accept_queue.hpp"
#include "listen/acceptor.hpp"
#include "threads/pool.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

// What a connection does, for people: one that rests between its turns is parked.
inline constexpr std::array<std::string_view, 6> phase_names{"staging", "silent", "serving", "parked", "relaying", "lingering"};
using Phases = std::array<std::uint32_t, phase_names.size()>;
std::size_t phase_number(Phase phase, bool rests) noexcept; // in these arrays

// Makes the phases, which were counted while connections came and went, add up to `open`, which is exact: one that has no slot
// yet is staging.
void balance(Phases& phases, std::uint64_t open) noexcept;

struct ListenerStatus {
    std::string listener;
    Acceptor::State state = Acceptor::State::idle;
    std::uint32_t open = 0;          // connections
    std::uint32_t parked = 0;        // of them: those that hold no thread, in the epoll set
    Phases phases{};                 // how many are in each; the sum is what was accepted and has not ended
    std::uint32_t of_generation = 0; // of them: those that this generation has accepted
    std::uint32_t handshakes = 0;    // going on, other listeners' with the same [tls.NAME] included
    std::uint64_t accepted = 0;
    std::uint64_t in = 0; // bytes from clients, of all connections so far
    std::uint64_t out = 0;
    std::vector<std::pair<std::string, std::uint32_t>> plugins; // its plugins, and how many connections each has
    AcceptQueue queue;
    Histogram::Counts waits{}; // from accept to the first serve()
    TimeHistogram::Counts wait_times;
    TimeHistogram::Counts durations; // of connections that have ended
    SourceTable::Counts sources;
    Pool::Counts pool;
    std::uint64_t thread_failures = 0;                        // threads of its pools that could not be started
    std::array<std::uint64_t, reason_names.size()> reasons{}; // of ended connections
    std::vector<std::pair<int, std::uint64_t>> accept_errors; // errno, how often
};

// One line with all of it. May throw std::bad_alloc.
void log_status(Log& log, const ListenerStatus& status);

} // namespace gatehouse::host
