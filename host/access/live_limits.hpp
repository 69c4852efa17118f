// What an operator has ordered of a listener while the host runs: limits in the place of those of its configuration, and a
// drain.
#pragma once

#include "access/source_table.hpp"
#include "base/clock.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::host {

class LiveLimits {
  public:
    enum class Key : std::uint8_t { max_connections, max_per_source, rate };
    static constexpr std::array<std::string_view, 3> names{"max_connections", "max_per_source", "rate.connections"};
    static constexpr std::uint32_t most = 1'000'000; // of each, as in the file

    static std::optional<Key> key(std::string_view name) noexcept {
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) return std::nullopt;
        return static_cast<Key>(found - names.begin());
    }
    static constexpr std::string_view name(Key key) noexcept { return names[static_cast<std::size_t>(key)]; }

    // What the operator has set; nothing: what the configuration says counts. [any]
    std::optional<std::uint32_t> find(Key key) const noexcept {
        const std::int64_t value = values_[static_cast<std::size_t>(key)].load(std::memory_order_relaxed);
        return value == none ? std::nullopt : std::optional(static_cast<std::uint32_t>(value));
    }
    void set(Key key, std::optional<std::uint32_t> value) noexcept { // [main]
        values_[static_cast<std::size_t>(key)].store(value ? std::int64_t{*value} : none, std::memory_order_relaxed);
    }
    // Whether one of them is about sources. [any]
    bool limits_sources() const noexcept { return find(Key::max_per_source) || find(Key::rate); }

    // When its connections are cut off, since it is drained; `never`: it is not. Who serves it follows that. [any]
    std::atomic<Nanoseconds> drained_by{never};

    std::atomic<SourceTable*> sources{nullptr}; // the listener's; null: there has been no limit of sources yet

  private:
    static constexpr std::int64_t none = -1;
    std::array<std::atomic<std::int64_t>, names.size()> values_{none, none, none};
};

} // namespace gatehouse::host
