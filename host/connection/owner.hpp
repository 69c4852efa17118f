// Who owns a connection: the one thread that may touch it. One word says so, and collects what happens meanwhile:
//
//        FREE ──take()──▶ RUNNING ──rest()──▶ RESTING ──claim()──▶ RUNNING … ──release()──▶ FREE
//                           │ ▲
//               claim() of  │ │ the owner takes the notes
//           another thread: │ │ before it can rest
//              leaves a note└─┘
//
// Each use of a slot has a generation of its own, in the upper half of the word and of the connection's id. A stale event, or a
// stale id, therefore finds out that it is stale.
#pragma once

#include <atomic>
#include <cstdint>

namespace gatehouse::host {

class Owner {
  public:
    enum Note : std::uint64_t {
        nothing = 0,
        event = 4,    // epoll had something
        woken = 8,    // a plugin has woken it
        stop = 16,    // the drain has started
        ordered = 32, // it is to end: see Connection::order; this note stays
        all = event | woken | stop,
    };

    // FREE to RUNNING. Returns the generation, in place: the upper half of the id. [the thread that has the free slot]
    std::uint64_t take() noexcept;

    // Makes the caller the owner if the connection rests and is still the one with this id. If it runs, leaves `note` for its
    // owner. [any]
    enum class Claim { owned, noted, gone };
    Claim claim(std::uint64_t id, Note note) noexcept;

    // Leaves a note, whether the connection runs or rests; false if the one with this id has ended. For `ordered` only: a
    // resting connection looks at no other note. [any]
    bool leave(std::uint64_t id, Note note) noexcept;

    // Keeps the slot from being released until let_go(), which must follow at once; false if the one with this id has ended.
    // One at a time. [any]
    bool hold(std::uint64_t id) noexcept;
    void let_go() noexcept { word_.fetch_and(~held_bit); }

    // Whether there is such a note. [any]
    bool noted(Note note) const noexcept { return (word_.load() & note) != 0; }
    // The same, and takes the note away. [owner]
    bool take(Note note) noexcept { return noted(note) && (word_.fetch_and(~std::uint64_t{note}) & note) != 0; }

    // RUNNING to RESTING; false if there is a note that the owner has not taken. [owner]
    bool rest() noexcept;

    // RUNNING to FREE: ids given out so far are stale. Waits for who holds it. [owner]
    void release() noexcept;

    bool resting() const noexcept { return noted(Note{resting_bit}); } // [any]
    // Whether the one with this id has not ended. [any]
    bool is_of(std::uint64_t id) const noexcept { return is_of(word_.load(), id); }
    // The generation now, in place. [any]
    std::uint64_t generation() const noexcept { return word_.load() & generation_bits; }

  private:
    static constexpr std::uint64_t running_bit = 1;
    static constexpr std::uint64_t resting_bit = 2;
    static constexpr std::uint64_t held_bit = 64;
    static constexpr std::uint64_t generation_bits = std::uint64_t{0xffffffff} << 32U;

    static bool is_of(std::uint64_t word, std::uint64_t id) noexcept {
        return ((word ^ id) & generation_bits) == 0 && (word & (running_bit | resting_bit)) != 0;
    }

    std::atomic<std::uint64_t> word_{std::uint64_t{1} << 32U};
};

} // namespace gatehouse::host
