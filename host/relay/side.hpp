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

// What was read from the other side and has not been taken by this one yet is in `kept` or in `pipe`, never in both. There are
// two for each relayed connection, so it is small.
struct RelaySide {
    RelayPair* pair = nullptr;
    Channel* channel = nullptr; // the connection itself; TLS is its affair, and it counts the bytes
    struct Kept {
        std::unique_ptr<char[]> bytes;
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
    };
    std::unique_ptr<Kept> kept;
    std::unique_ptr<Pipe> pipe;
    RelaySide* next_again = nullptr; // while queued
    std::uint8_t streak = 0;         // how many reads in a row spoke for the other of the two
    bool eof : 1 = false;            // has sent its last byte, and we have read it
    bool shut : 1 = false;           // has been told that no more will come
    bool shut_later : 1 = false;     // is to be told as soon as its socket has room for a close_notify
    bool out_watched : 1 = false;    // EPOLLOUT is in its epoll entry
    bool broken : 1 = false;         // reset, cut short, or a send has failed: nothing is sent to it any more
    bool queued : 1 = false;         // had more to read than one turn allows: in RelayThread::again_
    bool can_splice : 1 = true;      // until the kernel has said no
    bool splicing : 1 = false;       // what it sends is bulk: see RelayMover

    bool held_up() const noexcept { return kept || pipe; }
};

// Of `kept` and `pipe` one is full at the most: their order would be lost.
void check_kept(const RelaySide& side) noexcept;

// As recv(2) and send(2), without waiting, and never with EINTR; with TLS, as many records as fit, and see Channel::receive().
// A send() that fails after some records says so; the channel counts what it has sent. 0 from it means broken, too.
// Bytes are read from and written to a side by these two, and by RelayMover where it splices.
ssize_t receive(RelaySide& from, std::span<char> buffer) noexcept;
ssize_t send(RelaySide& to, std::span<const char> bytes) noexcept;

constexpr std::size_t most_kept = 64 * 1024; // bytes, that deliver() is given at most

// Sends the bytes, and keeps what is not taken. False: the side is broken, or there is no memory.
bool deliver(RelaySide& to, std::span<const char> bytes) noexcept;

} // namespace gatehouse::host
