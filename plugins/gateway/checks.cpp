#include "checks.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

namespace gateway {

CheckPlan::CheckPlan(const CheckRules& rules, const ProxyProtocol& proxy, std::string_view address)
    : rules_(rules), request_(proxy_header_for_checks(proxy)) {
    if (rules.http.empty()) {
        request_ += rules.send;
        return;
    }
    // RFC 9112 3.2: a Host field, empty if the server has no host name.
    const std::string_view host = !rules.http_host.empty()       ? std::string_view(rules.http_host)
                                  : address.starts_with("unix:") ? std::string_view()
                                                                 : address;
    request_ += "GET " + rules.http + " HTTP/1.1\r\nHost: " + std::string(host) +
                "\r\nUser-Agent: Gatehouse health check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

gatehouse_match CheckPlan::judge(std::string_view answer, bool at_end) {
    if (!rules_.http.empty()) return judge_http(answer, at_end);
    const std::string_view wanted = rules_.expect;
    if (answer.starts_with(wanted)) return GATEHOUSE_MATCH_YES;
    if (!at_end && wanted.starts_with(answer)) return GATEHOUSE_MATCH_MORE;
    problem_ = "the answer is not as expected";
    return GATEHOUSE_MATCH_NO;
}

// RFC 9112 4: "HTTP/1.1 200 ", and then a text for people.
gatehouse_match CheckPlan::judge_http(std::string_view answer, bool at_end) {
    constexpr std::string_view version = "HTTP/1.";
    constexpr std::size_t code_at = 9, code_end = 12;
    if (answer.substr(0, version.size()) == version.substr(0, answer.size())) {
        if (answer.size() <= code_end && !at_end) return GATEHOUSE_MATCH_MORE;
        unsigned code = 0;
        const std::string_view digits = answer.substr(std::min(code_at, answer.size()), code_end - code_at);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
        const bool well_formed = answer.size() >= code_end && answer[code_at - 1] == ' ' && error == std::errc() &&
                                 end == digits.data() + digits.size() &&
                                 (answer.size() == code_end || answer[code_end] == ' ' || answer[code_end] == '\r');
        const bool wanted = std::ranges::any_of(
            rules_.http_status, [code](const auto& range) { return code >= range.first && code <= range.second; });
        if (well_formed && wanted) return GATEHOUSE_MATCH_YES;
        if (well_formed) {
            problem_ = "HTTP status " + std::to_string(code);
            return GATEHOUSE_MATCH_NO;
        }
    }
    problem_ = "the answer is not HTTP";
    return GATEHOUSE_MATCH_NO;
}

void Checks::start(const std::shared_ptr<Server>& server) {
    if (!settings_.checks) return;
    const CheckRules& rules = *settings_.checks;
    auto plan = std::make_shared<CheckPlan>(rules, settings_.proxy, server->address);
    gatehouse::Check::Options options;
    options.address = server->address;
    if (plan->wants_answer()) options.send = plan->request();
    options.interval = rules.interval;
    options.jitter = rules.jitter;
    options.timeout = rules.timeout;
    gatehouse::Check::Judge judge;
    if (plan->wants_answer()) judge = [plan](std::string_view answer, bool at_end) { return plan->judge(answer, at_end); };
    const auto result = [this, plan, server](gatehouse::Status status, std::string_view why) {
        if (status == gatehouse::Status::exhausted) return; // this host lacks something, and has said so
        const bool wrong_answer = status == gatehouse::Status::invalid;
        pool_.checked(*server, static_cast<bool>(status), wrong_answer ? plan->problem() : why, Clock::now());
    };
    try {
        auto check = std::make_unique<gatehouse::Check>(init_, options, std::move(judge), result);
        const std::lock_guard lock(mutex_);
        checks_.insert_or_assign(server.get(), std::move(check));
    } catch (const std::exception& error) {
        init_.log(GATEHOUSE_ERROR, server->text() + " has no check: " + error.what());
    }
}

void Checks::stop(const Server& server) {
    std::unique_ptr<gatehouse::Check> check;
    const std::lock_guard lock(mutex_);
    if (const auto found = checks_.find(&server); found != checks_.end()) {
        check = std::move(found->second);
        checks_.erase(found);
    }
}

} // namespace gateway
