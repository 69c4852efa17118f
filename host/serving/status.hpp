// What a listener says of itself, as numbers: for the log, the control socket and metrics.
#pragma once

#include "access/source_table.hpp"
#include "base/histogram.hpp"
#include "base/log.hpp"
#include "base/reason.hpp"
#include "listen/accept_queue.hpp"
#include "listen/acceptor.hpp"
#include "threads/pool.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

struct ListenerStatus {
    std::string listener;
    Acceptor::State state = Acceptor::State::idle;
    std::uint32_t open = 0;       // connections
    std::uint32_t parked = 0;     // of them: those that hold no thread, in the epoll set
    std::uint32_t handshakes = 0; // going on, other listeners' with the same [tls.NAME] included
    std::uint64_t accepted = 0;
    AcceptQueue queue;
    Histogram::Counts waits{}; // from accept to the first serve()
    SourceTable::Counts sources;
    Pool::Counts pool;
    std::array<std::uint64_t, reason_names.size()> reasons{}; // of ended connections
    std::vector<std::pair<int, std::uint64_t>> accept_errors; // errno, how often
};

// One line with all of it. May throw std::bad_alloc.
void log_status(Log& log, const ListenerStatus& status);

} // namespace gatehouse::host
