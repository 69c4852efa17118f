#include "access/live_orders.hpp"

#include "base/if_memory_allows.hpp"
#include "base/units.hpp"
#include "net/network.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

namespace gatehouse::host {
namespace {

std::optional<std::uint32_t> limit_of(const std::string& text) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && read == end && value <= LiveLimits::most ? std::optional(value) : std::nullopt;
}

std::string_view text_of(const Field& field) noexcept {
    const auto* const text = std::get_if<std::string_view>(&field.value());
    return text != nullptr ? *text : std::string_view();
}

// Of "192.0.2.1:80" or "[2001:db8::1]:80".
std::optional<IpAddress> address_of_peer(std::string_view peer) noexcept {
    peer = peer.substr(0, peer.rfind(':'));
    if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
    return parse_ip_address(peer);
}

// Whether a record names the listener, or a connection of it; and a client from the network. Each may be left out.
bool is_about(const Fields& fields, std::string_view listener, const std::optional<Network>& source) noexcept {
    bool of_listener = listener.empty();
    bool from_source = !source;
    for (const Field& field : fields) {
        const std::string_view text = text_of(field);
        if (field.key() == "listener" && text == listener) of_listener = true;
        if (field.key() == "id" && text.substr(0, text.rfind('-')) == listener) of_listener = true;
        if (field.key() != "peer" || !source) continue;
        if (const std::optional<IpAddress> address = address_of_peer(text)) from_source = source->contains(*address);
    }
    return of_listener && from_source;
}

} // namespace

LiveLimits& LiveOrders::limits_of(const std::string& listener) {
    const MutexLock lock(mutex_);
    return limits_.try_emplace(listener).first->second;
}

// False: it says nothing that can be.
bool LiveOrders::apply(const Order& order) {
    if (order.key == level_key) {
        const auto level = std::find(level_names.begin(), level_names.end(), order.value);
        std::string problem;
        std::optional<Network> source;
        if (!order.source.empty()) source = parse_network(order.source, problem);
        if (level == level_names.end() || (!order.source.empty() && !source)) return false;
        Log::Wanted wanted;
        if (!order.listener.empty() || source)
            wanted = [listener = order.listener, source](const Fields& fields) { return is_about(fields, listener, source); };
        log_.set_level(static_cast<LogLevel>(level - level_names.begin()), order.ends, std::move(wanted));
        return true;
    }
    if (order.key == drain_key) {
        std::string problem;
        const std::optional<Milliseconds> time = parse_duration(order.value, problem);
        if (!time || order.listener.empty()) return false;
        limits_of(order.listener).drained_by.store(plus(monotonic_now(), time->count() * 1'000'000));
        drains_changed_ = true;
        return true;
    }
    const std::optional<LiveLimits::Key> key = LiveLimits::key(order.key);
    const std::optional<std::uint32_t> value = limit_of(order.value);
    if (!key || !value || (*value == 0 && *key == LiveLimits::Key::max_connections)) return false;
    limits_of(order.listener).set(*key, value);
    return true;
}

void LiveOrders::take_back(const Order& order) noexcept {
    if (order.key == level_key) return log_.restore_level();
    const MutexLock lock(mutex_);
    const auto found = limits_.find(order.listener);
    if (found != limits_.end() && order.key == drain_key) {
        found->second.drained_by.store(never);
        drains_changed_ = true;
    } else if (found != limits_.end())
        if (const auto key = LiveLimits::key(order.key)) found->second.set(*key, std::nullopt);
}

LiveOrders::Added LiveOrders::add(Order order) {
    const auto same = std::find_if(orders_.begin(), orders_.end(), [&](const Order& each) {
        return each.key == order.key && (each.key == level_key || each.listener == order.listener);
    });
    const bool replaces = same != orders_.end();
    if (!replaces && orders_.size() >= most) return Added::too_many;
    std::list<Order> added;
    added.push_back(std::move(order));
    Order& one = added.front();
    if (!apply(one)) return Added::wrong;
    last_ = std::max(last_ + (one.number == 0 ? 1 : 0), one.number);
    if (one.number == 0) one.number = last_;
    if (replaces) orders_.erase(same);
    orders_.splice(orders_.end(), added);
    ++changes_;
    return replaces ? Added::replaced : Added::added;
}

std::optional<LiveOrders::Order> LiveOrders::remove(std::uint64_t number) {
    const auto found = std::find_if(orders_.begin(), orders_.end(), [&](const Order& each) { return each.number == number; });
    if (found == orders_.end()) return std::nullopt;
    take_back(*found);
    Order order = std::move(*found);
    orders_.erase(found);
    ++changes_;
    return order;
}

Nanoseconds LiveOrders::supervise(Nanoseconds now) noexcept {
    Nanoseconds again = never;
    for (auto at = orders_.begin(); at != orders_.end();) {
        const auto each = at++;
        if (each->ends > now) {
            again = std::min(again, each->ends);
            continue;
        }
        if (each->key != level_key) { // the log looks after its level itself, and tells of it
            take_back(*each);
            if_memory_allows([&] { log_.info("an order has ended: its time is over", {{"order", to_string(*each)}}); });
        }
        orders_.erase(each);
    }
    return std::exchange(drains_changed_, false) ? now : again;
}

const LiveOrders::Order* LiveOrders::find(std::string_view key, const std::string& listener) const noexcept {
    const auto found = std::find_if(orders_.begin(), orders_.end(),
                                    [&](const Order& each) { return each.key == key && each.listener == listener; });
    return found != orders_.end() ? &*found : nullptr;
}

std::size_t LiveOrders::count(std::string_view key) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(orders_.begin(), orders_.end(), [&](const Order& each) { return each.key == key; }));
}

std::string to_string(const LiveOrders::Order& order) {
    if (order.key == drain_key) return "drain of " + order.listener;
    const std::string what = order.key + " = " + order.value;
    if (order.key != level_key) return order.listener + ' ' + what;
    return what + (order.listener.empty() ? "" : " of " + order.listener) +
           (order.source.empty() ? "" : " from " + order.source);
}

} // namespace gatehouse::host
