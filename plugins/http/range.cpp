#include "range.hpp"
#include "grammar.hpp"

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

enum class Outcome { satisfiable, unsatisfiable, invalid };

// int-range / suffix-range. For the end of a file that is empty, which is no range of bytes, `range` stays empty.
Outcome parse_one(std::string_view spec, std::uint64_t size, std::optional<ByteRange>& range) noexcept {
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos) return Outcome::invalid;
    const std::string_view left = spec.substr(0, dash);
    const std::string_view right = spec.substr(dash + 1);
    if (left.empty()) {
        const auto suffix = parse_number(right);
        if (!suffix) return Outcome::invalid;
        if (*suffix == 0) return Outcome::unsatisfiable;
        if (size > 0) range = {*suffix >= size ? 0 : size - *suffix, size - 1};
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
    constexpr std::string_view unit = "bytes=";
    if (!equals_ignoring_case(value.substr(0, unit.size()), unit)) return {};
    value.remove_prefix(unit.size());

    RangeRequest request;
    bool satisfiable = false;
    std::size_t count = 0;
    std::uint64_t total = 0;
    while (const auto spec = next_member(value)) {
        std::optional<ByteRange> range;
        const Outcome outcome = parse_one(*spec, size, range);
        if (outcome == Outcome::invalid || ++count > max_ranges) return {};
        satisfiable = satisfiable || outcome == Outcome::satisfiable;
        if (!range) continue;
        // Overlapping ranges are harmless as long as the answer is no larger than the file.
        if (range->length() > size - total) return {};
        total += range->length();
        request.ranges.push_back(*range);
    }
    if (count > 0 && !satisfiable)
        request.kind = RangeRequest::Kind::unsatisfiable;
    else if (!request.ranges.empty())
        request.kind = RangeRequest::Kind::parts;
    return request; // the whole of an empty file otherwise: 206 could not say which bytes of it these are
}

} // namespace http
