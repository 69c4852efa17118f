#include "trial/plugin_check.hpp"

#include "base/did_you_mean.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/text_table.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

namespace gatehouse::host {
namespace {

constexpr Check load_check{"load", "the library loads, and says what it is", check_load};
constexpr Check create_check{"create", "instances are created and destroyed, two at once", check_create};

std::string_view judgement_text(Judgement verdict) {
    switch (verdict) {
    case Judgement::pass:
        return "pass";
    case Judgement::skipped:
        return "skipped";
    case Judgement::warn:
        return "warn";
    case Judgement::fail:
        break;
    }
    return "fail";
}

CheckResult run(const Check& check, const Subject& subject) {
    CheckResult result{std::string(check.name), {}, 0};
    const Nanoseconds began = monotonic_now();
    try {
        check.run(subject, result);
    } catch (const std::exception& error) { // this machine's affair, not the plugin's
        result.skip("it could not be done: " + std::string(error.what()));
    }
    result.milliseconds = static_cast<int>((monotonic_now() - began) / ms);
    return result;
}

// Most of a check is waiting: for deadlines, threads and processes.
unsigned checks_at_once() { return std::clamp(2 * std::thread::hardware_concurrency(), 2U, 8U); }

// The one finding of the worst kind that is shown beside the verdict.
std::string first_of(const CheckResult& result) {
    const Judgement worst = result.verdict();
    for (const Finding& finding : result.findings)
        if (finding.verdict == worst) return finding.what;
    return "";
}

} // namespace

std::vector<CheckResult> check_plugin(const Subject& subject, const std::vector<std::string>& only, const Progress& progress) {
    std::vector<Check> chosen;
    std::vector<std::string> names{std::string(load_check.name), std::string(create_check.name)};
    for (const Check& check : all_checks()) names.emplace_back(check.name);
    for (const std::string& name : only)
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            const std::string near = did_you_mean(name, names);
            std::string all;
            for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
            throw std::runtime_error("there is no check " + in_quotes(name) +
                                     (near.empty() ? " (there are: " + all + ")" : " (did you mean " + in_quotes(near) + "?)"));
        }
    const auto is_wanted = [&](std::string_view name) {
        return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
    };
    for (const Check& check : all_checks())
        if (is_wanted(check.name)) chosen.push_back(check);

    std::vector<CheckResult> results;
    const std::size_t total = chosen.size() + 2;
    for (const Check& first : {load_check, create_check}) {
        results.push_back(run(first, subject));
        progress(results.size(), total, results.back());
        if (results.back().verdict() == Judgement::fail || results.back().verdict() == Judgement::skipped) return results;
    }
    results.resize(total);
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::size_t done = 2; // guarded by mutex
    const auto work = [&] {
        for (std::size_t i; (i = next.fetch_add(1)) < chosen.size();) {
            results[i + 2] = run(chosen[i], subject);
            const std::lock_guard lock(mutex);
            progress(++done, total, results[i + 2]);
        }
    };
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < checks_at_once(); ++i) workers.emplace_back(work);
    workers.clear();
    return results;
}

std::string check_list() {
    std::vector<Row> rows{{"  load", std::string(load_check.meaning)}, {"  create", std::string(create_check.meaning)}};
    for (const Check& check : all_checks()) rows.push_back({"  " + std::string(check.name), std::string(check.meaning)});
    return "Each check has a process of its own, so a plugin that crashes or hangs fails it and no more. The plugin listens "
           "on\n"
           "127.0.0.1, on ports that the kernel chooses. Without --input clients say lines, numbers, HTTP, TLS and noise. The "
           "checks:\n" +
           format_table(rows) +
           "A failure says what has happened, for which bytes of which client, and what to do. Status 0: nothing has failed;\n"
           "1: something has; 2: it could not be checked, as for want of a configuration.\n"
           "Example:  gatehouse plugin check ./greeter.so --set name=Ann --input hello.txt";
}

std::string report_text(const std::vector<CheckResult>& results) {
    std::vector<Row> rows{{"check", "verdict", "seconds", "what"}};
    std::string details;
    std::set<std::string> told; // kinds
    std::set<std::string> same; // checks
    for (const CheckResult& result : results) {
        const std::string tenths = std::to_string((result.milliseconds + 50) / 100);
        const std::string seconds = tenths.size() > 1 ? tenths.substr(0, tenths.size() - 1) : "0";
        rows.push_back({result.check, std::string(judgement_text(result.verdict())), seconds + '.' + tenths.back(),
                        printable(first_of(result), 100)});
        for (const Finding& finding : result.findings) {
            if (finding.verdict == Judgement::pass || (finding.verdict == Judgement::skipped && finding.advice.empty()))
                continue;
            const bool is_new = told.insert(finding.kind).second;
            if (!finding.kind.empty() && !is_new) {
                same.insert(result.check);
                continue;
            }
            details += '\n' + result.check + ": " + std::string(judgement_text(finding.verdict)) + ": " + finding.what + '\n';
            if (!finding.advice.empty()) details += "  -> " + finding.advice + '\n';
        }
    }
    std::string others;
    for (const std::string& check : same) others += (others.empty() ? "" : ", ") + check;
    return format_table(rows) + details + (others.empty() ? "" : "\nThe same has happened in: " + others + "\n");
}

std::string report_json(const Subject& subject, const std::vector<CheckResult>& results) {
    Json checks = Json::array();
    int failed = 0;
    for (const CheckResult& result : results) {
        Json findings = Json::array();
        for (const Finding& finding : result.findings) {
            Json one = Json::object();
            one.set("verdict", Json::text(judgement_text(finding.verdict))).set("what", Json::text(finding.what));
            if (!finding.advice.empty()) one.set("advice", Json::text(finding.advice));
            findings.add(std::move(one));
        }
        Json check = Json::object();
        check.set("check", Json::text(result.check))
            .set("verdict", Json::text(judgement_text(result.verdict())))
            .set("milliseconds", Json::raw(std::to_string(result.milliseconds)))
            .set("findings", std::move(findings));
        checks.add(std::move(check));
        if (result.verdict() == Judgement::fail) ++failed;
    }
    Json object = Json::object();
    object.set("library", Json::text(subject.trial.plugin))
        .set("failed", Json::raw(std::to_string(failed)))
        .set("status", Json::raw(std::to_string(status_of(results))))
        .set("checks", std::move(checks));
    return object.pretty();
}

int status_of(const std::vector<CheckResult>& results) {
    const auto any = [&](Judgement verdict) {
        return std::any_of(results.begin(), results.end(),
                           [verdict](const CheckResult& result) { return result.verdict() == verdict; });
    };
    // What this system cannot do is skipped without advice, and is nobody's fault.
    const bool lacks_configuration = results.size() <= 2 && any(Judgement::skipped);
    return any(Judgement::fail) ? 1 : lacks_configuration ? 2 : 0;
}

} // namespace gatehouse::host
