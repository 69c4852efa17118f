// Why a connection must not come, and the rule of the configuration, or of the operator, that says so: for its record.
#pragma once

#include "base/reason.hpp"
#include "config/place.hpp"
#include "net/network.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace gatehouse::host {

// Its texts are those of a configuration, and are valid as long as that one.
struct Rule {
    using Value = std::variant<std::monostate, std::uint64_t, Network>; // a limit, or the network of a list

    std::string_view file;  // in which it stands, or `of_an_order`; empty: it is not known
    std::size_t line = 0;   // 0: the file as a whole
    std::string_view limit; // its key; empty: there is no rule, since the host lacks something
    Value value;

    Rule() = default;
    Rule(std::string_view of_file, std::size_t at_line, std::string_view key, Value is) noexcept
        : file(of_file), line(at_line), limit(key), value(is) {}
    Rule(const Place& where, std::string_view key, Value is = {}) noexcept
        : Rule(file_of(where), where.position.line, key, is) {}

    bool operator==(const Rule&) const = default;
};

struct Refusal {
    Reason reason;
    Rule rule{}; // NOLINT(readability-redundant-member-init): without {}, g++ warns of callers that leave it out
};

inline constexpr std::string_view of_an_order = "order"; // the "file" of the operator's orders

// "gatehouse.toml:12", or "order"; and the value, empty if there is none. May throw std::bad_alloc. [any]
inline std::string where_text(const Rule& rule) {
    return std::string(rule.file) + (rule.line != 0 ? ':' + std::to_string(rule.line) : "");
}
inline std::string value_text(const Rule& rule) {
    if (const auto* const number = std::get_if<std::uint64_t>(&rule.value)) return std::to_string(*number);
    if (const auto* const network = std::get_if<Network>(&rule.value)) return to_string(*network);
    return "";
}

} // namespace gatehouse::host
