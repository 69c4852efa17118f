// What would become of a connection, step by step: for `gatehouse explain`.
#pragma once

#include "config/refusal.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

// What is known of a connection that nobody has made: it says so much in TLS, if it speaks TLS.
struct Asked {
    bool tls = false;
    std::string server_name; // empty: none, as of the next
    std::string protocol;
};

struct Explanation {
    enum class Verdict : std::uint8_t {
        passes,
        not_for, // the rule is for others
        takes,
        unknown, // it depends on what the client says
        refuses,
    };
    struct Step {
        std::string what; // "deny", "route 2"
        std::string rule; // "FILE:LINE", or empty
        Verdict verdict;
        std::string why;
    };

    void add(std::string what, std::string rule, Verdict verdict, std::string why) {
        steps.push_back({std::move(what), std::move(rule), verdict, std::move(why)});
    }

    std::vector<Step> steps;
};

constexpr std::string_view to_string(Explanation::Verdict verdict) noexcept {
    switch (verdict) {
    case Explanation::Verdict::passes:
        return "passes";
    case Explanation::Verdict::not_for:
        return "no";
    case Explanation::Verdict::takes:
        return "takes it";
    case Explanation::Verdict::unknown:
        return "unknown";
    case Explanation::Verdict::refuses:
        break;
    }
    return "refuses";
}

} // namespace gatehouse::host
