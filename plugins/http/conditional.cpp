#include "conditional.hpp"
#include "date.hpp"

namespace http {

namespace {

enum class Comparison { strong, weak }; // §8.8.3.2; our tags are strong, so only the client's can be weak

// Whether the list of entity tags has `etag`, or is "*". A malformed rest of a list matches nothing.
bool list_has(std::string_view list, std::string_view etag, Comparison comparison) noexcept {
    if (list == "*") return true;
    while (true) {
        while (!list.empty() && (list.front() == ' ' || list.front() == '\t' || list.front() == ',')) list.remove_prefix(1);
        const bool weak = list.starts_with("W/");
        if (weak) list.remove_prefix(2);
        if (!list.starts_with('"')) return false;
        const std::size_t quote = list.find('"', 1);
        if (quote == std::string_view::npos) return false;
        const std::string_view tag = list.substr(0, quote + 1);
        if (tag == etag && !(weak && comparison == Comparison::strong)) return true;
        list.remove_prefix(quote + 1);
    }
}

} // namespace

Verdict evaluate_preconditions(const Request& request, const Validators& validators, std::int64_t now) noexcept {
    if (request.if_match) {
        if (!list_has(*request.if_match, validators.etag, Comparison::strong)) return Verdict::precondition_failed;
    } else if (request.if_unmodified_since) {
        const auto date = parse_http_date(*request.if_unmodified_since, now);
        if (date && validators.modified > *date) return Verdict::precondition_failed;
    }
    if (request.if_none_match) {
        if (list_has(*request.if_none_match, validators.etag, Comparison::weak)) return Verdict::not_modified;
    } else if (request.if_modified_since) {
        const auto date = parse_http_date(*request.if_modified_since, now);
        if (date && validators.modified <= *date) return Verdict::not_modified;
    }
    return Verdict::proceed;
}

bool range_applies(const Request& request, const Validators& validators, std::int64_t now) noexcept {
    if (!request.if_range) return true;
    const std::string_view value = *request.if_range;
    if (value.starts_with('"')) return value == validators.etag;
    const auto date = parse_http_date(value, now);
    // A file may change twice within the second of its date: §8.8.2.2.
    return date && *date == validators.modified && validators.modified < now;
}

} // namespace http
