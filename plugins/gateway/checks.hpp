// The active health checks: the host runs one for each server of a pool.
#pragma once

#include "pool.hpp"
#include "settings.hpp"

#include <gatehouse/background.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace gateway {

// What a check sends to this server, and how it judges the answer.
class CheckPlan {
  public:
    CheckPlan(const CheckRules& rules, const ProxyProtocol& proxy, std::string_view address);

    const std::string& request() const noexcept { return request_; }
    bool wants_answer() const noexcept { return rules_.http.empty() ? !rules_.expect.empty() : true; }
    gatehouse_match judge(std::string_view answer, bool at_end);
    // What was wrong with the last answer to which judge() said no.
    const std::string& problem() const noexcept { return problem_; }

  private:
    gatehouse_match judge_http(std::string_view answer, bool at_end);

    const CheckRules& rules_;
    std::string request_;
    std::string problem_;
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
