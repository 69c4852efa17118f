// A receiver of records behind a socket: journald, or a syslog daemon on this machine or another.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace gatehouse::host {

struct LogReceiver {
    int type = SOCK_DGRAM;
    sockaddr_storage address{};
    socklen_t size = 0;
};

// "unix:PATH", "udp:ADDRESS:PORT" or "tcp:ADDRESS:PORT", where ADDRESS is numeric, of IPv6 in brackets: the log waits for no
// name server.
std::optional<LogReceiver> log_receiver(std::string_view text) noexcept;

// Would rather lose records than wait: for a receiver that is not there it looks once a second, and one that does not read is
// given a second once. A datagram is a record; in a TCP stream its length stands before it (RFC 6587). Only the output's thread
// writes.
class LogSocket {
  public:
    // `receiver`: as log_receiver() takes it, or it throws std::runtime_error. `end`: of a record within a message; it is not
    // sent.
    LogSocket(const std::string& receiver, std::string_view end);

    // A number of whole records, with their ends.
    void write(std::string_view records) noexcept;

    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); } // records

  private:
    bool send(std::string_view record) noexcept;
    bool send_all(std::string_view bytes) noexcept;
    bool connect() noexcept;
    bool waits_for_room() noexcept;

    const LogReceiver receiver_; // constant after construction
    const std::string end_;
    Descriptor fd_; // the output's thread's, as are the two below
    Nanoseconds next_try_ = 0;
    bool stalled_ = false;
    std::atomic<std::uint64_t> dropped_{0};
};

} // namespace gatehouse::host
