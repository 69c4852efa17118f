// The kernel's accept queue of a listening socket, which is the waiting room of its newcomers.
#pragma once

#include <cstdint>
#include <optional>

namespace gatehouse::host {

struct AcceptQueue {
    unsigned depth = 0; // connections that wait in it
    unsigned limit = 0; // how many may
    // Newcomers that the kernel has dropped at this socket, as with a full queue: their handshakes are repeated, or fail. TCP
    // only: a client of a unix socket waits, or is told EAGAIN.
    std::uint64_t drops = 0;
};

// Of a TCP socket by getsockopt(), of a unix socket by asking the kernel's sock_diag. Nothing if neither tells. [any]
std::optional<AcceptQueue> accept_queue(int fd) noexcept;

} // namespace gatehouse::host
