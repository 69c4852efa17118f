#include "base/units.hpp"

#include "base/printable.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace gatehouse::host {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: formatting takes the first that divides the value.
constexpr std::array durations{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};
constexpr std::array binary_sizes{Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}};
constexpr std::array sizes{Unit{"GiB", 1ULL << 30},
                           Unit{"MiB", 1ULL << 20},
                           Unit{"KiB", 1ULL << 10},
                           Unit{"GB", 1'000'000'000},
                           Unit{"MB", 1'000'000},
                           Unit{"KB", 1'000},
                           Unit{"B", 1}};

std::string names(std::span<const Unit> units) {
    std::string list;
    for (const Unit& unit : units) list += (list.empty() ? "" : ", ") + std::string(unit.name);
    return list;
}

// A number and its unit; without a unit the number counts as it is if `bare` allows it or if it is zero.
std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units, bool bare, std::uint64_t limit,
                                   std::string& error) {
    std::uint64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit_name = text.substr(static_cast<std::size_t>(end - text.data()));
    if (code == std::errc::invalid_argument || unit_name.starts_with('.') || unit_name.starts_with(',')) {
        error = in_quotes(text) + " is not a whole number with a unit";
        return std::nullopt;
    }
    if (unit_name.find_first_of("0123456789") != std::string_view::npos) {
        error = in_quotes(text) + " has more than one number";
        return std::nullopt;
    }
    if (unit_name.starts_with(' ')) {
        error = in_quotes(text) + " has a blank before its unit";
        return std::nullopt;
    }
    std::uint64_t factor = 1;
    if (unit_name.empty()) {
        if (!bare && number != 0) {
            error = in_quotes(text) + " has no unit";
            return std::nullopt;
        }
    } else {
        factor = 0;
        for (const Unit& unit : units)
            if (unit.name == unit_name) factor = unit.factor;
        if (factor == 0) {
            error = in_quotes(text) + " has the unknown unit " + in_quotes(unit_name) + "; known ones are " + names(units);
            return std::nullopt;
        }
    }
    if (code == std::errc::result_out_of_range || number > limit / factor) {
        error = in_quotes(text) + " is too large";
        return std::nullopt;
    }
    return number * factor;
}

std::string format(std::uint64_t value, std::span<const Unit> units, std::string_view otherwise) {
    for (const Unit& unit : units)
        if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
    return std::to_string(value) + std::string(otherwise);
}

} // namespace

std::optional<Milliseconds> parse_duration(std::string_view text, std::string& error) {
    const auto value = parse(text, durations, false, static_cast<std::uint64_t>(max_duration.count()), error);
    if (!value) return std::nullopt;
    return Milliseconds(static_cast<Milliseconds::rep>(*value));
}

std::optional<std::uint64_t> parse_size(std::string_view text, std::string& error) {
    return parse(text, sizes, true, std::numeric_limits<std::uint64_t>::max(), error);
}

std::string format_duration(Milliseconds duration) {
    return format(static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count()), durations, "s");
}

std::string format_size(std::uint64_t bytes) { return format(bytes, binary_sizes, ""); }

} // namespace gatehouse::host
