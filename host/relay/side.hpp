// One connection of a relayed pair, and how it is read from and written to.
#pragma once

#include "connection/channel.hpp"
#include "relay/pipe_pool.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <sys/types.h>

namespace gatehouse::host {

struct RelayPair;

// What was read from the other side and has not been taken by this one yet is in `kept` or in `pipe`, never in both.
struct RelaySide {
    RelayPair* pair = nullptr;
    Channel* channel = nullptr; // the connection itself; TLS is its affair
    int fd = -1;
    bool eof = false;          // has sent its last byte, and we have read it
    bool shut = false;         // has been told that no more will come
    bool shut_later = false;   // is to be told as soon as its socket has room for a close_notify
    bool hangup = false;       // it has closed, or sent urgent data: a short read is no sign that nothing more is to be read
    bool out_watched = false;  // EPOLLOUT is in its epoll entry
    bool broken = false;       // reset, cut short, or a send has failed: nothing is sent to it any more
    bool queued = false;       // had more to read than one turn allows: in RelayThread::again_
    bool can_splice = true;    // until the kernel has said no
    bool splicing = false;     // what it sends is bulk: see RelayMover
    std::uint8_t streak = 0;   // how many reads in a row spoke for the other of the two
    std::uint64_t read = 0;    // bytes, from it
    std::uint64_t written = 0; // bytes, to it
    std::unique_ptr<char[]> kept;
    std::uint32_t kept_begin = 0;
    std::uint32_t kept_end = 0;
    std::unique_ptr<Pipe> pipe;
    RelaySide* next_again = nullptr; // while queued

    bool held_up() const noexcept { return kept || pipe; }
};

// Of `kept` and `pipe` one is full at the most: their order would be lost.
void check_kept(const RelaySide& side) noexcept;

// As recv(2) and send(2), without waiting, and never with EINTR; with TLS, as many records as fit, and see Channel::receive().
// A send() that fails after some records says so; `written` counts what it has sent. 0 from it means broken, too.
// Bytes are read from and written to a side by these two, and by RelayMover where it splices.
ssize_t receive(RelaySide& from, std::span<char> buffer) noexcept;
ssize_t send(RelaySide& to, std::span<const char> bytes) noexcept;

constexpr std::size_t most_kept = 64 * 1024; // bytes, that deliver() is given at most

// Sends the bytes, and keeps what is not taken. False: the side is broken, or there is no memory.
bool deliver(RelaySide& to, std::span<const char> bytes) noexcept;

} // namespace gatehouse::host
