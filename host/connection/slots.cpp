#include "connection/slots.hpp"

#include "base/check.hpp"

#include <memory>
#include <new>
#include <unistd.h>

namespace gatehouse::host {

ConnectionSlots::ConnectionSlots(std::uint32_t listener_number, std::uint32_t capacity)
    : listener_number_(listener_number), capacity_(capacity), chunks_((capacity + chunk_size - 1) / chunk_size) {}

ConnectionSlots::~ConnectionSlots() {
    for (Connection* chunk : chunks_) {
        if (chunk == nullptr) continue;
        std::destroy_n(chunk, chunk_size);
        ::operator delete(chunk, std::align_val_t{alignof(Connection)});
    }
}

bool ConnectionSlots::grow() noexcept {
    const std::uint32_t made = made_.load();
    if (made >= capacity_) return false;
    try {
        free_.reserve(made + chunk_size); // so that give_back() never allocates
        auto* const chunk =
            static_cast<Connection*>(::operator new(sizeof(Connection) * chunk_size, std::align_val_t{alignof(Connection)}));
        for (std::uint32_t i = 0; i < chunk_size; ++i)
            ::new (chunk + i) Connection(std::uint64_t{listener_number_} << slot_bits | (made + i));
        chunks_[made / chunk_size] = chunk;
    } catch (const std::bad_alloc&) {
        return false;
    }
    for (std::uint32_t i = chunk_size; i-- > 0;) free_.push_back(made + i);
    made_.store(made + chunk_size, std::memory_order_release);
    return true;
}

Connection* ConnectionSlots::take() noexcept {
    std::uint32_t slot = 0;
    {
        const MutexLock lock(mutex_);
        if (free_.empty() && !grow()) return nullptr;
        slot = free_.back();
        free_.pop_back();
    }
    Connection& connection = chunks_[slot / chunk_size][slot % chunk_size];
    connection.id = connection.owner.take() | connection.index;
    return &connection;
}

void ConnectionSlots::give_back(Connection& connection) noexcept {
    GATEHOUSE_CHECK(find(connection.id) == &connection); // it is one of these
    const int fd = connection.fd;
    connection.plugin.store(nullptr); // nobody finds the next one in this slot before it has been opened
    connection.owner.release();
    ::close(fd);
    const MutexLock lock(mutex_);
    free_.push_back(static_cast<std::uint32_t>(connection.index & no_slot));
}

Connection* ConnectionSlots::find(std::uint64_t id) noexcept {
    const auto slot = static_cast<std::uint32_t>(id & no_slot);
    return slot < made_.load(std::memory_order_acquire) ? &chunks_[slot / chunk_size][slot % chunk_size] : nullptr;
}

} // namespace gatehouse::host
