// The active health checks: the host runs one for each server of a pool.
#pragma once

#include "pool.hpp"
#include "settings.hpp"

#include <gatehouse/background.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// Whom a check asks, what it sends, and how it judges the answer. The answer of a whole attempt is judged as one: the plan
// notes how far it has come.
class CheckPlan {
  public:
    CheckPlan(const CheckRules& rules, const ProxyProtocol& proxy, const Server& server);

    const std::string& address() const noexcept { return address_; }
    // The PROXY header; and what follows it.
    const std::string& preface() const noexcept { return preface_; }
    const std::string& request() const noexcept { return request_; }
    bool wants_answer() const noexcept { return !rules_.http.empty() || !rules_.steps.empty(); }

    gatehouse_match judge(std::string_view answer, bool at_end);
    // judge() has said yes: what to send for the next answer. Nothing: the server is good.
    std::optional<std::string> next();
    // An attempt is over. Returns what was wrong: `why`, unless judge() knows better.
    std::string end_attempt(gatehouse::Status status, std::string_view why);

  private:
    gatehouse_match judge_http(std::string_view answer, bool at_end);
    gatehouse_match judge_status(std::string_view answer, bool at_end, bool& interim);
    gatehouse_match judge_text(std::string_view answer, bool at_end);
    gatehouse_match judge_contains(std::string_view answer, bool at_end);
    gatehouse_match no(std::string problem);
    bool next_line(std::string_view answer);

    const CheckRules& rules_; // constant after construction, as are the next three
    std::string address_;
    std::string preface_;
    std::string request_;

    // Of the present attempt.
    std::size_t step_ = 0;
    std::size_t from_ = 0;     // the answer has been understood up to there
    std::size_t seen_ = 0;     // there is no end of a line between from_ and there
    std::size_t searched_ = 0; // a text that the answer has to contain does not begin before that
    bool in_interim_ = false;  // from_ is in the fields of an interim answer
    std::string problem_;      // of the last answer to which judge() said no
};

// [any]. The pool outlives it.
class Checks {
  public:
    Checks(const gatehouse::Init& init, const Settings& settings, Pool& pool) : init_(init), settings_(settings), pool_(pool) {}

    // Does nothing if the configuration has no checks. Logs a check that the host cannot start; its server counts as good.
    void start(const std::shared_ptr<Server>& server);
    void stop(const Server& server); // waits for a callback that runs, so the caller must not hold the pool's lock

  private:
    const gatehouse::Init init_; // constant after construction
    const Settings& settings_;
    Pool& pool_;

    std::mutex mutex_;
    std::map<const Server*, std::unique_ptr<gatehouse::Check>> checks_; // guarded by mutex_
};

} // namespace gateway
