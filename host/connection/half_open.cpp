#include "connection/half_open.hpp"

#include "connection/connection.hpp"

#include <new>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr int most_looked_at =
    64; // connections of a group that another thread has at the moment, or that are another listener's
constexpr unsigned grouped_v6_bits = 64; // of a source

} // namespace

void HalfOpen::append(Connection& connection, Nanoseconds now) noexcept {
    Place& place = *connection.half_open;
    Group& group = (*groups_)[place.group];
    place.heard = now;
    place.before = group.last;
    place.after = nullptr;
    (group.last != nullptr ? group.last->half_open->after : group.first) = &connection;
    group.last = &connection;
}

void HalfOpen::remove(Connection& connection) noexcept {
    const Place& place = *connection.half_open;
    Group& group = (*groups_)[place.group];
    (place.before != nullptr ? place.before->half_open->after : group.first) = place.after;
    (place.after != nullptr ? place.after->half_open->before : group.last) = place.before;
}

void HalfOpen::enter(Connection& connection, Nanoseconds now) noexcept {
    leave(connection);
    const IpAddress source = ip_address(connection.peer_address()).value_or(IpAddress{});
    const std::uint64_t group = hash_(source.v6 ? masked(source, grouped_v6_bits) : source) % groups;
    std::unique_ptr<Place> place(new (std::nothrow) Place{*this, static_cast<std::uint32_t>(group)});
    const MutexLock lock(mutex_);
    if (!groups_) groups_.reset(new (std::nothrow) std::array<Group, groups>());
    if (!groups_ || !place) return;
    connection.half_open = std::move(place);
    append(connection, now);
    ++(*groups_)[group].count;
    size_.fetch_add(1, std::memory_order_relaxed);
}

void HalfOpen::heard(Connection& connection, Nanoseconds now) noexcept {
    if (!connection.half_open) return;
    HalfOpen& in = connection.half_open->in;
    const MutexLock lock(in.mutex_);
    in.remove(connection);
    in.append(connection, now);
}

void HalfOpen::leave(Connection& connection) noexcept {
    if (!connection.half_open) return;
    HalfOpen& in = connection.half_open->in;
    {
        const MutexLock lock(in.mutex_);
        in.remove(connection);
        --(*in.groups_)[connection.half_open->group].count;
        in.size_.fetch_sub(1, std::memory_order_relaxed);
    }
    connection.half_open.reset();
}

Connection* HalfOpen::give_way(Nanoseconds silent_since, const ListenerShare* listener) noexcept {
    const auto silence = [](const Group& group) { return group.first->half_open->heard; };
    const MutexLock lock(mutex_);
    if (!groups_) return nullptr;
    const Group* most = nullptr;
    for (const Group& group : *groups_) {
        if (group.first == nullptr || silence(group) > silent_since) continue;
        if (most == nullptr || group.count > most->count || (group.count == most->count && silence(group) < silence(*most)))
            most = &group;
    }
    if (most == nullptr) return nullptr;
    Connection* next = most->first;
    for (int i = 0; i < most_looked_at && next != nullptr && next->half_open->heard <= silent_since; ++i) {
        Connection& connection = *next;
        next = connection.half_open->after;
        if (listener != nullptr && connection.listener.load(std::memory_order_relaxed) != listener) continue;
        // It is in here, so it is not being closed: its generation is that of its id.
        const std::uint64_t id = connection.owner.generation() | connection.index;
        if (connection.owner.claim(id, Owner::nothing) == Owner::Claim::owned) return &connection;
    }
    return nullptr;
}

} // namespace gatehouse::host
