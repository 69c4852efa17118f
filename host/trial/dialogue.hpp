// What clients say to a plugin under trial, many of them at once in one thread.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gatehouse::host {

// One client: it connects to 127.0.0.1, says its bytes, and does as `then` says.
struct Dialogue {
    enum class Then : std::uint8_t {
        finish, // ends its side, and reads to the server's end
        wait,   // reads to the server's end
        close,  // closes, soon after the last byte
        reset,  // the same with a reset
        stay,   // stays connected: converse() may be called again with other bytes
    };
    enum class End : std::uint8_t {
        none,    // the server has not ended it
        orderly, // the server has sent its end
        reset,   // the server has reset it, or has not accepted it
    };

    std::uint16_t port = 0;
    std::string what; // for messages
    std::string bytes;
    Then then = Then::finish;
    bool one_at_a_time = false; // the first `most_apart` bytes, a millisecond apart

    // What has come of it.
    Descriptor fd{};          // open: it still is
    std::uint16_t client = 0; // its port
    End end = End::none;
    Nanoseconds heard = 0;     // when the last bytes have come
    Nanoseconds ended = never; // when
    std::size_t received = 0;  // bytes
    std::string answer{};      // the first `most_answered` of them
};

inline constexpr std::size_t most_apart = 256;
inline constexpr std::size_t most_answered = 65536;

// Each dialogue says its bytes, from its beginning or, if it is connected already, from where it was; returns when all have
// done what they are to do, or at `deadline`. A client that is to read to the end closes after `enough` bytes. Of those that
// are to read, no more than 200 are connected at a time. Throws std::system_error if this process has no descriptors left.
// [any]
void converse(std::span<Dialogue> dialogues, Nanoseconds deadline, std::size_t enough = most_answered);

} // namespace gatehouse::host
