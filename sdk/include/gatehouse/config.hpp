// A plugin's configuration as C++ values.
#ifndef GATEHOUSE_CONFIG_HPP
#define GATEHOUSE_CONFIG_HPP

#include "gatehouse.h"
#include "schema.hpp"
#include "status.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// The instance's configuration. An absent key has the default value; a key without a default is required. The host records
// each wrong value, and then refuses the instance with file and line, so the plugin has no errors to check. [main]
//
// A plugin that has `keys` (see schema.hpp) leaves the defaults and ranges out, here: those of the key hold. A key that has no
// default there either is empty, zero or false if it is absent.
class Config {
  public:
    Config(const gatehouse_host* host, const gatehouse_config* config, std::span<const Key> keys = {}) noexcept
        : host_(host), config_(config), keys_(keys) {}

    std::string string(std::string_view key, std::string_view fallback) const { return string(key, fallback, false); }
    std::string string(std::string_view key) const {
        return keys_.empty() ? string(key, "", true) : string(key, detail::view(known(key).text), false);
    }
    std::int64_t integer(std::string_view key) const {
        const Key& of = known(key);
        return of.minimum < of.maximum ? integer(key, of.number, of.minimum, of.maximum) : integer(key, of.number);
    }
    bool boolean(std::string_view key) const { return boolean(key, known(key).number != 0); }
    std::chrono::milliseconds duration(std::string_view key) const {
        return duration(key, std::chrono::milliseconds(known(key).number));
    }
    std::uint64_t size(std::string_view key) const { return size(key, static_cast<std::uint64_t>(known(key).number)); }

    std::int64_t integer(std::string_view key, std::int64_t fallback,
                         std::int64_t minimum = std::numeric_limits<std::int64_t>::min(),
                         std::int64_t maximum = std::numeric_limits<std::int64_t>::max()) const noexcept {
        host_->config_integer(config_, detail::str(key), minimum, maximum, &fallback);
        return fallback;
    }
    bool boolean(std::string_view key, bool fallback) const noexcept {
        std::int32_t value = fallback ? 1 : 0;
        host_->config_boolean(config_, detail::str(key), &value);
        return value != 0;
    }
    std::chrono::milliseconds duration(std::string_view key, std::chrono::milliseconds fallback) const noexcept {
        std::uint64_t value = detail::milliseconds(fallback);
        host_->config_duration(config_, detail::str(key), &value);
        return std::chrono::milliseconds(value);
    }
    std::uint64_t size(std::string_view key, std::uint64_t fallback) const noexcept {
        host_->config_size(config_, detail::str(key), &fallback);
        return fallback;
    }
    // The items of an array. An item that is not a table has its value under the empty key: item.string("").
    std::vector<Config> items(std::string_view key) const {
        std::size_t count = 0;
        host_->config_count(config_, detail::str(key), &count);
        std::vector<Config> result;
        for (std::size_t i = 0; i < count; ++i) {
            const gatehouse_config* item = nullptr;
            if (host_->config_item(config_, detail::str(key), i, &item) == GATEHOUSE_OK)
                result.emplace_back(host_, item, fields(key));
        }
        return result;
    }
    // The table `key`; nothing if the key is absent.
    std::optional<Config> table(std::string_view key) const noexcept {
        const gatehouse_config* found = nullptr;
        if (host_->config_table(config_, detail::str(key), &found) != GATEHOUSE_OK || found == nullptr) return std::nullopt;
        return Config(host_, found, fields(key));
    }
    // Refuses the value of `key`; the host shows the message with file and line.
    void reject(std::string_view key, std::string_view why) const noexcept {
        host_->config_reject(config_, detail::str(key), detail::str(why));
    }

    const gatehouse_config* handle() const noexcept { return config_; }

  private:
    std::string string(std::string_view key, std::string_view fallback, bool required) const {
        gatehouse_str value = detail::str(fallback);
        host_->config_string(config_, detail::str(key), required ? 1 : 0, &value);
        return std::string(detail::view(value));
    }
    const Key* find(std::string_view key) const noexcept {
        const auto found = std::ranges::find_if(keys_, [&](const Key& of) { return detail::view(of.name) == key; });
        return found == keys_.end() ? nullptr : &*found;
    }
    const Key& known(std::string_view key) const {
        const Key* const found = find(key);
        if (found == nullptr)
            throw std::logic_error("the plugin reads \"" + std::string(key) + "\", which is not one of its keys");
        return *found;
    }
    std::span<const Key> fields(std::string_view key) const noexcept {
        const Key* const found = find(key);
        return found == nullptr ? std::span<const Key>() : found->table_keys();
    }

    const gatehouse_host* host_;
    const gatehouse_config* config_;
    std::span<const Key> keys_; // of this table; empty: the plugin has none, or the value is no table
};

} // namespace gatehouse

#endif
