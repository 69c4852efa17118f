// Conditional requests: RFC 9110 §13. Times are seconds since 1970, UTC.
#pragma once

#include "request.hpp"

#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

namespace http {

// The names of a file's current state, as far as it has any.
struct Validators {
    std::string_view etag; // with its quotes, and with W/ if it is weak; empty: none
    std::optional<std::int64_t> modified;
};

// Whether a file's stamp stands for one state of it: a change after `now` gives another stamp. §8.8.1
bool names_state(const std::timespec& stamp, const std::timespec& now) noexcept;

// The same for the stamp's second alone, which a Last-Modified field shows. §8.8.2.2
bool second_names_state(const std::timespec& stamp, const std::timespec& now) noexcept;

enum class Verdict { proceed, not_modified, precondition_failed };

// For a GET or HEAD of a file that exists; the order is that of §13.2.2.
Verdict evaluate_preconditions(const Request& request, const Validators& validators, std::int64_t now) noexcept;

// Whether the Range field counts: If-Range is absent, or names the current state beyond doubt (§13.1.5).
bool range_applies(const Request& request, const Validators& validators, std::int64_t now) noexcept;

} // namespace http
