#include "connection/connection.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <unistd.h>

namespace gatehouse::host {

UpstreamConnection::~UpstreamConnection() {
    part();
    if (fd >= 0) ::close(fd);
}

void UpstreamConnection::remember(const SocketAddress& peer) {
    peer_.reset(new std::byte[peer.size]);
    peer_size_ = peer.size;
    std::memcpy(peer_.get(), &peer.storage, peer.size);
}

SocketAddress UpstreamConnection::peer_address() const noexcept {
    SocketAddress address;
    address.size = peer_size_;
    std::memcpy(&address.storage, peer_.get(), peer_size_);
    return address;
}

SocketAddress Connection::peer_address() const noexcept {
    if (proxied && proxied->source.storage.ss_family == AF_UNIX) return proxied->source;
    SocketAddress address;
    address.size = peer.common.sa_family == AF_INET    ? sizeof peer.v4
                   : peer.common.sa_family == AF_INET6 ? sizeof peer.v6
                                                       : sizeof(sa_family_t);
    std::memcpy(&address.storage, &peer, address.size);
    return address;
}

void Connection::set_peer(const SocketAddress& address) noexcept {
    peer = {};
    peer.common.sa_family = address.storage.ss_family;
    if (address.storage.ss_family != AF_UNIX)
        std::memcpy(&peer, &address.storage, std::min<std::size_t>(address.size, sizeof peer));
}

Connection::Claim Connection::claim(std::uint64_t wanted, Flags flag) noexcept {
    std::uint64_t now = word.load();
    for (;;) {
        if ((now ^ wanted) >> 32U != 0 || (now & (running | parked)) == 0) return Claim::gone;
        const bool free = (now & parked) != 0;
        const std::uint64_t next = free ? (now & (~std::uint64_t{all_flags} | cut)) | running : now | flag;
        if (word.compare_exchange_weak(now, next)) return free ? Claim::owned : Claim::noted;
    }
}

bool Connection::note_cut(std::uint64_t wanted) noexcept {
    std::uint64_t now = word.load();
    do {
        if ((now ^ wanted) >> 32U != 0 || (now & (running | parked)) == 0) return false;
    } while (!word.compare_exchange_weak(now, now | cut));
    return true;
}

void Connection::release() noexcept {
    const std::uint64_t generation = word.load() >> 32U;
    const std::uint64_t next = (generation + 1) & 0xffffffffU;
    word.store((next == 0 ? 1 : next) << 32U);
}

ConnectionTable::ConnectionTable(Service& service, std::uint32_t service_number, const Drain& drain, std::uint32_t capacity)
    : service_(service), service_number_(service_number), drain_(drain), capacity_(capacity),
      chunks_((capacity + chunk_size - 1) / chunk_size) {
    free_.reserve(chunk_size);
}

ConnectionTable::~ConnectionTable() {
    for (const Chunk& chunk : chunks_) {
        if (chunk.first == nullptr) continue;
        std::destroy_n(chunk.first, chunk_size);
        ::operator delete(chunk.first, std::align_val_t{alignof(Connection)});
    }
}

bool ConnectionTable::grow() noexcept {
    const std::uint32_t made = made_.load();
    if (made >= capacity_) return false;
    try {
        free_.reserve(made + chunk_size); // so that give_back() never allocates
        Chunk& chunk = chunks_[made / chunk_size];
        chunk.first =
            static_cast<Connection*>(::operator new(sizeof(Connection) * chunk_size, std::align_val_t{alignof(Connection)}));
        for (std::uint32_t i = 0; i < chunk_size; ++i)
            ::new (chunk.first + i) Connection(service_, std::uint64_t{service_number_} << slot_bits | (made + i), drain_);
    } catch (const std::bad_alloc&) {
        return false;
    }
    for (std::uint32_t i = chunk_size; i-- > 0;) free_.push_back(made + i);
    made_.store(made + chunk_size, std::memory_order_release);
    return true;
}

Connection* ConnectionTable::take() noexcept {
    std::uint32_t slot = 0;
    {
        const std::lock_guard lock(mutex_);
        if (free_.empty() && !grow()) return nullptr;
        slot = free_.back();
        free_.pop_back();
    }
    Connection& connection = chunks_[slot / chunk_size][slot % chunk_size];
    const std::uint64_t generation = connection.word.load() & ~std::uint64_t{Connection::all_flags};
    connection.id = generation | connection.index;
    connection.word.store(generation | Connection::running);
    return &connection;
}

void ConnectionTable::give_back(Connection& connection) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(static_cast<std::uint32_t>(connection.index & ((1U << slot_bits) - 1)));
}

Connection* ConnectionTable::find(std::uint64_t id) noexcept {
    const auto slot = static_cast<std::uint32_t>(id & ((1U << slot_bits) - 1));
    return slot < made_.load(std::memory_order_acquire) ? &chunks_[slot / chunk_size][slot % chunk_size] : nullptr;
}

} // namespace gatehouse::host
