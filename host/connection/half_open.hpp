// The connections that have not come to serve() yet, or whose plugin has begun TLS, by their sources, and by how long they have
// been silent. They cost the client next to nothing, so a few clients could take all the room there is for them: when a
// newcomer needs room, the source that has most gives way with the one that has been silent for longest.
//
// Sources that meet in one of the groups count as one; the hash that chooses the group has a secret.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "net/source_hash.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace gatehouse::host {

class Connection;
struct ListenerShare;

class HalfOpen {
  public:
    // A connection's place in one of these. All but the first two are guarded by the mutex of `in`.
    struct Place {
        HalfOpen& in;
        std::uint32_t group;
        Connection* before = nullptr;
        Connection* after = nullptr;
        Nanoseconds heard = 0; // the last that it has said, or its beginning
    };

    HalfOpen() = default;
    explicit HalfOpen(const SourceHash& hash) noexcept : hash_(hash) {}

    // From now on the connection is in this one, and has just been heard; in none if there is no memory. [owner]
    void enter(Connection& connection, Nanoseconds now) noexcept;
    // The same, once more. [owner]
    static void heard(Connection& connection, Nanoseconds now) noexcept;
    // It is in none any more. [owner]
    static void leave(Connection& connection) noexcept;

    // The connection that gives way, which the caller then owns. It has said nothing since `silent_since`, rests, and is of
    // this listener, unless that is null. Null: there is none. [any]
    Connection* give_way(Nanoseconds silent_since, const ListenerShare* listener) noexcept;

    // How many there are. [any]
    std::uint32_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  private:
    static constexpr std::size_t groups = 32;
    struct Group { // in the order in which they were heard
        Connection* first = nullptr;
        Connection* last = nullptr;
        std::uint32_t count = 0;
    };

    void append(Connection& connection, Nanoseconds now) noexcept GATEHOUSE_REQUIRES(mutex_);
    void remove(Connection& connection) noexcept GATEHOUSE_REQUIRES(mutex_);

    const SourceHash hash_; // constant after construction
    Mutex mutex_;
    // Made with the first connection: an idle listener has none. Null after that: there was no memory, and nobody gives way.
    std::unique_ptr<std::array<Group, groups>> groups_ GATEHOUSE_GUARDED_BY(mutex_);
    std::atomic<std::uint32_t> size_{0};
};

} // namespace gatehouse::host
