// A connection's entry in its pool's epoll set.
#pragma once

#include <cstdint>
#include <sys/epoll.h>

namespace gatehouse::host {

class Pool;

// What the kernel is asked to report of a socket's input. Edge-triggered: as long as the owner reads all that is there, going
// back to rest costs no system call. EPOLLPRI: a read stops short at urgent data, although more is behind it.
inline constexpr std::uint32_t input_events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;

// What the kernel is asked to report of an upstream's input. The kernel knows two words for bytes and two for room. The entries
// of upstreams use the ones, and the client's the others: all of them name the client's connection, and an event shows by its
// words whether it is the client's.
inline constexpr std::uint32_t upstream_events = EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP | EPOLLET;
inline constexpr bool tells_of_upstream(std::uint32_t events) noexcept { return (events & (EPOLLRDNORM | EPOLLWRNORM)) != 0; }

// What an entry reports. A reset is reported by each.
enum class Interest : std::uint8_t {
    none,          // there is no entry
    bytes,         // bytes, urgent data and the end, each time that some arrive
    bytes_once,    // the same, and then nothing until the entry is set again
    bytes_or_room, // as bytes, and room to write
    room,          // room to write
    room_once,     // the same, and then nothing until the entry is set again
    reset,         // a reset only
    upstream_bytes,
    upstream_bytes_or_room,
    upstream_room,
};

class Watch {
  public:
    // No entry yet, in this pool. [owner]
    void begin(Pool& pool) noexcept {
        pool_ = &pool;
        interest_ = Interest::none;
    }

    // Makes the entry, or sets it again: the kernel then reports once more the bytes or the close that are there already.
    // `token` is the connection's id. False: the kernel has no memory for it, see errno. [owner]
    bool set(int fd, std::uint64_t token, Interest interest) noexcept;

    // Removes the entry, if there is one. [owner]
    void remove(int fd) noexcept;

    // The socket has been closed, and the entry with it. [owner]
    void lost() noexcept { interest_ = Interest::none; }

    Interest interest() const noexcept { return interest_; }
    // Whether the entry has to be set again after it has reported something.
    bool once() const noexcept { return interest_ == Interest::bytes_once || interest_ == Interest::room_once; }

  private:
    Pool* pool_ = nullptr;
    Interest interest_ = Interest::none;
};

} // namespace gatehouse::host
