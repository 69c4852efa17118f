#include "connection/slots.hpp"

#include "base/check.hpp"

#include <memory>
#include <new>
#include <unistd.h>

namespace gatehouse::host {

ConnectionSlots::~ConnectionSlots() {
    for (std::uint32_t slot = 0; slot < made_.load(); ++slot) std::destroy_at(&at(slot));
    for (Connection* block : blocks_) ::operator delete(block, std::align_val_t{alignof(Connection)});
}

bool ConnectionSlots::grow() noexcept {
    const std::uint32_t made = made_.load();
    if (made >= most) return false;
    try {
        free_.reserve(made + chunk); // so that give_back() never allocates
        const std::size_t number = block_of(made);
        if (Connection*& block = blocks_[number]; block == nullptr)
            block = static_cast<Connection*>(
                ::operator new((sizeof(Connection) * chunk) << number, std::align_val_t{alignof(Connection)}));
        for (std::uint32_t i = 0; i < chunk; ++i)
            ::new (&at(made + i)) Connection(std::uint64_t{listener_number_} << slot_bits | (made + i));
    } catch (const std::bad_alloc&) {
        return false;
    }
    for (std::uint32_t i = chunk; i-- > 0;) free_.push_back(made + i);
    made_.store(made + chunk, std::memory_order_release);
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
    Connection& connection = at(slot);
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
    return slot < made_.load(std::memory_order_acquire) ? &at(slot) : nullptr;
}

} // namespace gatehouse::host
