// Moves bytes from one side of a relayed pair to the other, by copying or by splicing.
//
// Copying is a recv and a send through one buffer. Splicing hands the kernel's own pages on through a pipe: two calls as well,
// which cost more for a few bytes and less for many. The traffic of a direction decides between them: after a few reads in a
// row that filled the whole buffer it splices, after a few small ones in a row it copies again. Where splicing is not possible
// (no descriptor for a pipe, a kernel or a socket that cannot) it copies.
#pragma once

#include "relay/side.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gatehouse::host {

class RelayMover {
  public:
    enum class Flow {
        emptied,     // nothing is left to be moved for now
        more,        // the turn is over, and there may be more
        held_up,     // `to` does not take all of it: EPOLLOUT will tell
        ended,       // `from` has sent its last byte, and all of it has been passed on
        from_broken, // reset, or an error
        to_broken,
    };

    // Moves what `from` has, for a turn's length, unless something is held up already. [relay]
    Flow move(RelaySide& from, RelaySide& to) noexcept;

    // Sends what is held up: emptied, held_up or to_broken. [relay]
    Flow flush(RelaySide& to) noexcept;

    // Throws away what is held up. [relay]
    void discard(RelaySide& to) noexcept;

    // Bytes that it has taken from a side so far, by copying and by splicing. [any]
    std::uint64_t copied() const noexcept { return copied_.load(std::memory_order_relaxed); }
    std::uint64_t spliced() const noexcept { return spliced_.load(std::memory_order_relaxed); }

    static constexpr std::size_t copied_at_once = most_kept;
    static constexpr std::size_t spliced_at_once = 256 * 1024;

  private:
    Flow copy(RelaySide& from, RelaySide& to) noexcept;
    Flow splice(RelaySide& from, RelaySide& to, std::unique_ptr<Pipe> pipe) noexcept;

    PipePool pipes_;
    std::atomic<std::uint64_t> copied_{0}; // its thread alone writes it, as the next one
    std::atomic<std::uint64_t> spliced_{0};
    std::array<char, copied_at_once> buffer_; // not initialised: only what was read is looked at
};

} // namespace gatehouse::host
