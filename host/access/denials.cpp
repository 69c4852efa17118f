#include "access/denials.hpp"

#include "base/if_memory_allows.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_ended_named = 10; // in one record of the log

} // namespace

Denials::Held* Denials::find(std::string_view listener, const std::optional<IpAddress>& address) const noexcept {
    if (!address) return nullptr;
    for (const auto& [length, count] : lengths_[address->v6 ? 1 : 0]) { // the longest first
        const auto found = index_.find(Network{masked(*address, length), length});
        if (found == index_.end()) continue;
        auto at = found->second.find(listener);
        if (at == found->second.end()) at = found->second.find("");
        if (at != found->second.end()) return at->second;
    }
    return nullptr;
}

std::optional<Network> Denials::deny(std::string_view listener, const std::optional<IpAddress>& address) const noexcept {
    const MutexLock lock(mutex_);
    Held* const held = find(listener, address);
    if (held == nullptr) return std::nullopt;
    held->refused.fetch_add(1, std::memory_order_relaxed);
    return held->order.network;
}

std::optional<Network> Denials::denies(std::string_view listener, const std::optional<IpAddress>& address) const noexcept {
    const MutexLock lock(mutex_);
    const Held* const held = find(listener, address);
    return held != nullptr ? std::optional(held->order.network) : std::nullopt;
}

// Instead of the one for the same network and listener. Throws std::bad_alloc, and then the index is as it was.
void Denials::index(Held& held) {
    const Network& network = held.order.network;
    const MutexLock lock(mutex_);
    if (index_.empty()) index_.reserve(most); // it is never made anew
    const auto [at, is_new] = index_.try_emplace(network);
    try {
        if (is_new) lengths_[network.address.v6 ? 1 : 0].try_emplace(network.length, 0);
        AtListeners& listeners = at->second;
        const auto same = listeners.find(held.order.listener);
        AtListeners::node_type node = same != listeners.end() ? listeners.extract(same) : AtListeners::node_type();
        if (node) {
            node.key() = held.order.listener; // the view of the other one's text ends with that one
            node.mapped() = &held;
            listeners.insert(std::move(node));
        } else {
            listeners.emplace(held.order.listener, &held);
        }
    } catch (...) {
        if (is_new) index_.erase(at);
        throw;
    }
    if (is_new) ++lengths_[network.address.v6 ? 1 : 0].at(network.length);
    any_.store(true, std::memory_order_release);
}

void Denials::forget(const Order& order) noexcept {
    const MutexLock lock(mutex_);
    const auto at = index_.find(order.network);
    at->second.erase(order.listener);
    if (!at->second.empty()) return;
    index_.erase(at);
    Lengths& lengths = lengths_[order.network.address.v6 ? 1 : 0];
    const auto length = lengths.find(order.network.length);
    if (--length->second == 0) lengths.erase(length);
    any_.store(!index_.empty(), std::memory_order_release);
}

Denials::Added Denials::add(Order order, std::uint64_t refused) {
    const auto found = orders_.find(std::pair(order.network, order.listener));
    const bool replaces = found != orders_.end();
    if (!replaces && orders_.size() >= most) return Added::too_many;
    const Nanoseconds ends = order.ends;
    auto held = std::make_unique<Held>(std::move(order));
    held->refused.store(refused, std::memory_order_relaxed);
    if (replaces) {
        held->refused.store(found->second->refused.load(std::memory_order_relaxed), std::memory_order_relaxed);
        index(*held);
        found->second = std::move(held);
    } else {
        Held& one = *held;
        const auto added = orders_.emplace(std::pair(one.order.network, one.order.listener), std::move(held)).first;
        try {
            index(one);
        } catch (...) {
            orders_.erase(added);
            throw;
        }
    }
    next_end_ = std::min(next_end_, ends);
    ++changes_;
    return replaces ? Added::replaced : Added::added;
}

bool Denials::remove(const Network& network, const std::string& listener) {
    const auto found = orders_.find(std::pair(network, listener));
    if (found == orders_.end()) return false;
    forget(found->second->order);
    orders_.erase(found);
    ++changes_;
    return true;
}

Nanoseconds Denials::supervise(Nanoseconds now) noexcept {
    if (now < next_end_) return next_end_;
    Orders ended;
    next_end_ = never;
    for (auto at = orders_.begin(); at != orders_.end();) {
        const auto each = at++;
        if (each->second->order.ends <= now) {
            forget(each->second->order);
            ended.insert(orders_.extract(each));
        } else {
            next_end_ = std::min(next_end_, each->second->order.ends);
        }
    }
    if (!ended.empty()) if_memory_allows([&] { tell_ended(ended); });
    return next_end_;
}

void Denials::tell_ended(const Orders& ended) const {
    std::string networks;
    std::size_t named = 0;
    for (const auto& [key, held] : ended) {
        if (++named > most_ended_named) break;
        networks += (networks.empty() ? "" : ", ") + to_string(held->order);
    }
    log_.info("orders have ended: their time is over", {{"command", "deny"}, {"count", ended.size()}, {"networks", networks}});
}

void Denials::look(const std::function<bool(const Order&, std::uint64_t)>& visit) const {
    for (const auto& [key, held] : orders_)
        if (!visit(held->order, held->refused.load(std::memory_order_relaxed))) return;
}

std::string to_string(const Denials::Order& order) {
    return to_string(order.network) + (order.listener.empty() ? "" : " at " + order.listener);
}

} // namespace gatehouse::host
