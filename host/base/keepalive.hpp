// When the kernel asks a silent peer whether it is still there.
#pragma once

namespace gatehouse::host {

struct Keepalive {
    bool on = true;
    int idle = 0;     // seconds without a byte before the first question; 0, also below: the kernel's own
    int interval = 0; // seconds between two questions
    int probes = 0;   // how many are left unanswered before the connection has failed

    bool operator==(const Keepalive&) const = default;
};

// Of a TCP socket; connections inherit it from the socket that listens. A connection is made with SO_KEEPALIVE off, so this
// makes no call more than `keepalive` asks for. False: the kernel refuses; see errno. [owner]
bool set_keepalive(int fd, const Keepalive& keepalive) noexcept;

} // namespace gatehouse::host
