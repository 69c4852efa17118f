// The slots that hold a listener's connections, made as they are needed and reused last in, first out. They are never freed
// while the listener exists, and they outlive a generation, so that an id never names another connection than its own.
//
// They lie in blocks, each twice as large as the one before, so that there may be a million of them and a listener without
// connections costs next to nothing. A block's memory is the kernel's until its slots are made.
#pragma once

#include "base/mutex.hpp"
#include "connection/connection.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

namespace gatehouse::host {

class ConnectionSlots {
  public:
    // The index of a slot is `listener_number` << slot_bits | slot.
    explicit ConnectionSlots(std::uint32_t listener_number) noexcept : listener_number_(listener_number) {}
    ~ConnectionSlots();
    ConnectionSlots(const ConnectionSlots&) = delete;
    ConnectionSlots& operator=(const ConnectionSlots&) = delete;

    static constexpr std::uint32_t slot_bits = 20;
    static constexpr std::uint32_t listener_bits = 12;
    // The number of the listener that an id, or a listener's token, names.
    static std::uint32_t listener_of(std::uint64_t id) noexcept { return static_cast<std::uint32_t>(id) >> slot_bits; }

    // The tokens of the listening sockets themselves, and the socket that one means: no connection's ids, since those have a
    // generation, and other indices than theirs.
    std::uint64_t listen_token(std::size_t socket) const noexcept {
        return std::uint64_t{listener_number_} << slot_bits | (no_slot - static_cast<std::uint32_t>(socket));
    }
    static std::size_t socket_of(std::uint64_t token) noexcept { return no_slot - (token & no_slot); }

    // A free slot, running and with a new id; null if all are taken or there is no memory. [any]
    Connection* take() noexcept;

    // Releases the connection and gives its slot back. `fd` is closed in between, so that its number is not used again before
    // ids of this connection are stale. [owner]
    void give_back(Connection& connection) noexcept;

    // The slot of the id, even if another connection is in it now; null if there was never such a slot. [any]
    Connection* find(std::uint64_t id) noexcept;

    // Calls visit(Connection&, id) for every slot that was ever used, with the id of its last connection. [any]
    template <class Visit>
    void for_each(Visit visit) {
        const std::uint32_t count = made_.load(std::memory_order_acquire);
        for (std::uint32_t slot = 0; slot < count; ++slot) {
            Connection& connection = at(slot);
            visit(connection, connection.owner.generation() | connection.index);
        }
    }

  private:
    static constexpr std::uint32_t chunk = 64; // slots that are made at a time, and that the first block has
    static constexpr std::uint32_t no_slot = (1U << slot_bits) - 1;
    static constexpr std::size_t blocks = slot_bits - std::countr_zero(chunk);
    static constexpr std::uint32_t most = (no_slot - 1024) / chunk * chunk; // the last indices are the sockets' tokens

    static std::uint32_t first_of(std::size_t block) noexcept { return chunk * ((1U << block) - 1); }
    static std::size_t block_of(std::uint32_t slot) noexcept {
        return static_cast<std::size_t>(std::bit_width(slot / chunk + 1)) - 1;
    }
    Connection& at(std::uint32_t slot) const noexcept {
        const std::size_t block = block_of(slot);
        return blocks_[block][slot - first_of(block)];
    }

    bool grow() noexcept GATEHOUSE_REQUIRES(mutex_);

    const std::uint32_t listener_number_;      // constant after construction
    std::array<Connection*, blocks> blocks_{}; // one is written before made_ covers its slots

    Mutex mutex_;
    std::vector<std::uint32_t> free_ GATEHOUSE_GUARDED_BY(mutex_);
    std::atomic<std::uint32_t> made_{0}; // written under mutex_
};

} // namespace gatehouse::host
