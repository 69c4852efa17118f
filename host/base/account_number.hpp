// Users and groups that are named by their number, as chown(1) takes them.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace gatehouse::host {

// Nothing: it is a name, or no number that a user or group can have.
inline std::optional<unsigned> account_number(std::string_view text) noexcept {
    unsigned number = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && read == end ? std::optional(number) : std::nullopt;
}

} // namespace gatehouse::host
