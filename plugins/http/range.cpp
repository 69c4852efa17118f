#include "range.hpp"

#include <limits>
#include <optional>

namespace http {

namespace {

// 1*DIGIT. A number that does not fit becomes the largest one: both are beyond the end of every file.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
    constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    if (text.empty()) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        value = value > (largest - digit) / 10 ? largest : value * 10 + digit;
    }
    return value;
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool is_bytes_unit(std::string_view value) noexcept {
    constexpr std::string_view unit = "bytes=";
    if (value.size() < unit.size()) return false;
    for (std::size_t i = 0; i < unit.size(); ++i)
        if ((value[i] | 0x20) != (unit[i] | 0x20)) return false;
    return true;
}

enum class Outcome { satisfiable, unsatisfiable, invalid };

Outcome parse_one(std::string_view spec, std::uint64_t size, ByteRange& range) noexcept {
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos) return Outcome::invalid;
    const std::string_view left = spec.substr(0, dash);
    const std::string_view right = spec.substr(dash + 1);
    if (left.empty()) {
        const auto suffix = parse_number(right);
        if (!suffix) return Outcome::invalid;
        if (*suffix == 0 || size == 0) return Outcome::unsatisfiable;
        range = {*suffix >= size ? 0 : size - *suffix, size - 1};
        return Outcome::satisfiable;
    }
    const auto first = parse_number(left);
    if (!first) return Outcome::invalid;
    std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    if (!right.empty()) {
        const auto number = parse_number(right);
        if (!number || *number < *first) return Outcome::invalid;
        last = *number;
    }
    if (*first >= size) return Outcome::unsatisfiable;
    range = {*first, last < size ? last : size - 1};
    return Outcome::satisfiable;
}

} // namespace

RangeRequest parse_range(std::string_view value, std::uint64_t size) {
    RangeRequest request;
    if (!is_bytes_unit(value)) return request;
    value.remove_prefix(std::string_view("bytes=").size());

    std::size_t count = 0;
    std::uint64_t total = 0;
    for (bool more = true; more;) {
        const std::size_t comma = value.find(',');
        const std::string_view spec = trim(value.substr(0, comma));
        more = comma != std::string_view::npos;
        if (more) value.remove_prefix(comma + 1);
        if (spec.empty()) continue; // RFC 9110 §5.6.1.2: a receiver ignores empty list elements

        ByteRange range{};
        const Outcome outcome = parse_one(spec, size, range);
        if (outcome == Outcome::invalid || ++count > max_ranges) return {};
        if (outcome == Outcome::unsatisfiable) continue;
        // Overlapping ranges are harmless as long as the answer is no larger than the file.
        if (range.length() > size - total) return {};
        total += range.length();
        request.ranges.push_back(range);
    }
    if (count == 0) return {};
    request.kind = request.ranges.empty() ? RangeRequest::Kind::unsatisfiable : RangeRequest::Kind::parts;
    return request;
}

} // namespace http
