#include "checks.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

namespace gateway {

namespace {

// The host without the zone that means something on this machine only, and the port, as the Host field has them: RFC 9112 3.2.
// Empty for a server without a host name.
std::string authority_of(std::string_view name, std::string_view address) {
    if (name.empty()) return {};
    name = name.substr(0, name.find('%'));
    if (name.ends_with('.')) name.remove_suffix(1); // "web.example." is the same host
    const bool v6 = name.find(':') != name.npos;
    return (v6 ? '[' + std::string(name) + ']' : std::string(name)) + std::string(address.substr(address.rfind(':')));
}

std::string address_of(const CheckRules& rules, const Server& server) {
    if (kind_of(rules.address) == AddressKind::unix_socket) return rules.address;
    const std::string port =
        rules.port == 0 ? server.address.substr(server.address.rfind(':')) : ':' + std::to_string(rules.port);
    if (!rules.address.empty()) return rules.address + port;
    return rules.port == 0 ? server.address : with_port(server.address, rules.port);
}

} // namespace

// Another address or port is another service, so it gets no PROXY header.
CheckPlan::CheckPlan(const CheckRules& rules, const ProxyProtocol& proxy, const Server& server)
    : rules_(rules), address_(address_of(rules, server)),
      preface_(rules.port == 0 && rules.address.empty() ? proxy_header_for_checks(proxy) : "") {
    if (rules.http.empty()) {
        if (!rules.steps.empty()) request_ = rules.steps.front().send;
        return;
    }
    const std::string host = rules.http_host.empty() ? authority_of(server.server_name, address_) : rules.http_host;
    request_ = "GET " + rules.http + " HTTP/1.1\r\nHost: " + host +
               "\r\nUser-Agent: Gatehouse health check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

gatehouse_match CheckPlan::judge(std::string_view answer, bool at_end) {
    return rules_.http.empty() ? judge_text(answer, at_end) : judge_http(answer, at_end);
}

gatehouse_match CheckPlan::no(std::string problem) {
    problem_ = std::move(problem);
    return GATEHOUSE_MATCH_NO;
}

// Moves to the beginning of the next line; false: its beginning has not come yet. Looks at no byte twice, however slowly they
// come.
bool CheckPlan::next_line(std::string_view answer) {
    const std::size_t end = answer.find('\n', std::max(from_, seen_));
    seen_ = end == answer.npos ? answer.size() : end + 1;
    if (end != answer.npos) from_ = end + 1;
    return end != answer.npos;
}

// Bytes have to come next. A text has to begin the answer; in a dialogue it begins what is left or a later line, and the lines
// before it are passed over: in SMTP or FTP, an answer has as many as the server likes.
gatehouse_match CheckPlan::judge_text(std::string_view answer, bool at_end) {
    const CheckStep& step = rules_.steps[step_];
    do {
        const std::string_view rest = answer.substr(from_);
        if (rest.starts_with(step.expect)) {
            if (!step.contains.empty()) return judge_contains(answer, at_end);
            from_ += step.expect.size();
            return GATEHOUSE_MATCH_YES;
        }
        if (!at_end && step.expect.starts_with(rest)) return GATEHOUSE_MATCH_MORE;
    } while (rules_.dialogue && !step.binary && next_line(answer));
    if (rules_.dialogue && !step.binary && !at_end) return GATEHOUSE_MATCH_MORE;
    return no("the answer is not as expected");
}

// From what `expect` takes on. Looks at no byte twice, but for the beginning of a text that has not come whole.
gatehouse_match CheckPlan::judge_contains(std::string_view answer, bool at_end) {
    const CheckStep& step = rules_.steps[step_];
    const std::size_t found = answer.find(step.contains, std::max(from_ + step.expect.size(), searched_));
    if (found != answer.npos) {
        from_ = found + step.contains.size();
        return GATEHOUSE_MATCH_YES;
    }
    searched_ = answer.size() - std::min(answer.size(), step.contains.size() - 1);
    return at_end ? no("the answer does not contain what is expected") : GATEHOUSE_MATCH_MORE;
}

// Answers of the class 1xx, such as "103 Early Hints", come before the one that counts (RFC 9110 15.2). After 101 the
// protocol is another one, so nothing else comes.
gatehouse_match CheckPlan::judge_http(std::string_view answer, bool at_end) {
    for (;;) {
        if (!in_interim_) {
            const gatehouse_match match = judge_status(answer.substr(from_), at_end, in_interim_);
            if (!in_interim_) return match;
        }
        const std::size_t line = from_;
        if (!next_line(answer)) return at_end ? no("no answer but an interim one") : GATEHOUSE_MATCH_MORE;
        in_interim_ = from_ - line > 2 || (from_ - line == 2 && answer[line] != '\r'); // up to an empty line
    }
}

// RFC 9112 4: "HTTP/1.1 200 ", and then a text for people.
gatehouse_match CheckPlan::judge_status(std::string_view answer, bool at_end, bool& interim) {
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
        interim = well_formed && code >= 100 && code < 200 && code != 101;
        if (well_formed && wanted) return GATEHOUSE_MATCH_YES;
        if (well_formed) return no("HTTP status " + std::to_string(code));
    }
    return no("the answer is not HTTP");
}

std::optional<std::string> CheckPlan::next() {
    if (step_ + 1 >= rules_.steps.size()) return std::nullopt;
    return rules_.steps[++step_].send;
}

std::string CheckPlan::end_attempt(gatehouse::Status status, std::string_view why) {
    std::string text = status == gatehouse::Status::invalid && !problem_.empty() ? problem_ : std::string(why);
    const bool answered = step_ > 0 || status == gatehouse::Status::invalid;
    if (rules_.dialogue && answered) text = "step " + std::to_string(step_ + 1) + ": " + text;
    step_ = from_ = seen_ = searched_ = 0;
    in_interim_ = false;
    problem_.clear();
    return text;
}

void Checks::start(const std::shared_ptr<Server>& server) {
    if (!settings_.checks) return;
    const CheckRules& rules = *settings_.checks;
    auto plan = std::make_shared<CheckPlan>(rules, settings_.proxy, *server);
    gatehouse::Check::Options options;
    options.address = plan->address();
    options.preface = plan->preface();
    options.send = plan->request();
    options.interval = rules.interval;
    options.jitter = rules.jitter;
    options.timeout = rules.timeout;
    options.tls = rules.tls ? settings_.tls : nullptr;
    options.server_name = server->server_name;
    options.orderly = rules.orderly;
    gatehouse::Check::Judge judge;
    if (plan->wants_answer()) judge = [plan](std::string_view answer, bool at_end) { return plan->judge(answer, at_end); };
    const auto result = [this, plan, server](gatehouse::Status status, std::string_view why) {
        const std::string problem = plan->end_attempt(status, why);
        if (status == gatehouse::Status::exhausted) return; // this host lacks something, and has said so
        pool_.checked(*server, static_cast<bool>(status), problem, now_of(init_));
    };
    try {
        auto check =
            std::make_unique<gatehouse::Check>(init_, options, std::move(judge), result, [plan] { return plan->next(); });
        const std::lock_guard lock(mutex_);
        checks_.insert_or_assign(server.get(), std::move(check));
    } catch (const std::exception& error) {
        init_.log(GATEHOUSE_LEVEL_ERROR, server->text() + " has no check: " + error.what());
        pool_.without_checks(*server, now_of(init_));
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
