#include "conditional.hpp"
#include "date.hpp"
#include "grammar.hpp"

#include <algorithm>

namespace http {

namespace {

constexpr std::int64_t second = 1'000'000'000; // in nanoseconds

// Images that have to be the same whenever they are built have 0 or 1 in place of a time.
bool is_time(const std::timespec& stamp) noexcept { return stamp.tv_sec > 1; }

// ext3 keeps seconds and FAT every other one, exFAT 10 ms; others take the time of the last tick, which is less than that ago.
std::int64_t granularity(const std::timespec& stamp) noexcept { return stamp.tv_nsec == 0 ? 2 * second : second / 100; }

enum class Comparison { strong, weak }; // §8.8.3.2

// etagc
bool is_tag_char(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x21 && byte != '"' && byte != 0x7f;
}

// entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE, from the front of `list`; empty if there is none.
std::string_view take_tag(std::string_view& list) noexcept {
    const std::size_t quote = list.starts_with("W/") ? 2 : 0;
    if (!list.substr(quote).starts_with('"')) return {};
    const auto end = std::ranges::find_if_not(list.substr(quote + 1), is_tag_char);
    const std::size_t size = static_cast<std::size_t>(end - list.begin()) + 1;
    if (size > list.size() || list[size - 1] != '"') return {};
    const std::string_view tag = list.substr(0, size);
    list.remove_prefix(size);
    return tag;
}

bool is_weak(std::string_view tag) noexcept { return tag.starts_with("W/"); }

bool are_equal(std::string_view a, std::string_view b, Comparison comparison) noexcept {
    if (comparison == Comparison::strong) return a == b && !is_weak(a);
    return a.substr(is_weak(a) ? 2 : 0) == b.substr(is_weak(b) ? 2 : 0);
}

// Whether "*" / #entity-tag has `etag`, or is "*". A malformed rest of a list matches nothing.
bool list_has(std::string_view list, std::string_view etag, Comparison comparison) noexcept {
    if (list == "*") return true;
    while (true) {
        while (!list.empty() && (is_blank(list.front()) || list.front() == ',')) list.remove_prefix(1);
        const std::string_view tag = take_tag(list);
        if (tag.empty()) return false;
        list = trim(list);
        if (!list.empty() && !list.starts_with(',')) return false;
        if (are_equal(tag, etag, comparison)) return true;
    }
}

} // namespace

bool names_state(const std::timespec& stamp, const std::timespec& now) noexcept {
    if (!is_time(stamp) || stamp.tv_sec > now.tv_sec) return false;
    if (now.tv_sec - stamp.tv_sec > 2) return true;
    return (now.tv_sec - stamp.tv_sec) * second + now.tv_nsec - stamp.tv_nsec >= granularity(stamp);
}

bool second_names_state(const std::timespec& stamp, const std::timespec& now) noexcept {
    return is_time(stamp) && now.tv_sec - stamp.tv_sec >= (stamp.tv_nsec == 0 ? 2 : 1);
}

Verdict evaluate_preconditions(const Request& request, const Validators& validators, std::int64_t now) noexcept {
    if (request.if_match) {
        if (!list_has(*request.if_match, validators.etag, Comparison::strong)) return Verdict::precondition_failed;
    } else if (request.if_unmodified_since) {
        const auto date = parse_http_date(*request.if_unmodified_since, now);
        if (date && validators.modified && *validators.modified > *date) return Verdict::precondition_failed;
    }
    if (request.if_none_match) {
        if (list_has(*request.if_none_match, validators.etag, Comparison::weak)) return Verdict::not_modified;
    } else if (request.if_modified_since) {
        const auto date = parse_http_date(*request.if_modified_since, now);
        if (date && validators.modified && *validators.modified <= *date) return Verdict::not_modified;
    }
    return Verdict::proceed;
}

bool range_applies(const Request& request, const Validators& validators, std::int64_t now) noexcept {
    if (!request.if_range) return true;
    const std::string_view value = *request.if_range;
    if (value.starts_with('"')) return value == validators.etag;
    const auto date = parse_http_date(value, now);
    return date && date == validators.modified;
}

} // namespace http
