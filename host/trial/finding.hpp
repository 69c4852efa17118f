// What a check of a plugin has found.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

// From good to bad. A skipped check says nothing of the plugin.
enum class Judgement { pass, skipped, warn, fail };

struct Finding {
    Judgement verdict = Judgement::pass;
    std::string what;   // what has happened, and at which step
    std::string advice; // what to do; empty: nothing
    std::string kind;   // what it has in common with those of other checks, which need not be told again; may be empty
};

struct CheckResult {
    std::string check; // its name
    std::vector<Finding> findings;
    int milliseconds = 0;

    void pass(std::string what) { findings.push_back({Judgement::pass, std::move(what), "", ""}); }
    void skip(std::string what, std::string advice = "") {
        findings.push_back({Judgement::skipped, std::move(what), std::move(advice), ""});
    }
    void warn(std::string what, std::string advice) {
        findings.push_back({Judgement::warn, std::move(what), std::move(advice), ""});
    }
    void fail(std::string what, std::string advice) {
        findings.push_back({Judgement::fail, std::move(what), std::move(advice), ""});
    }

    // The worst of its findings.
    Judgement verdict() const {
        Judgement worst = Judgement::pass;
        for (const Finding& finding : findings) worst = std::max(worst, finding.verdict);
        return worst;
    }
};

} // namespace gatehouse::host
