// The operator's commands.
#pragma once

#include "pool.hpp"

#include <gatehouse/control.hpp>

#include <condition_variable>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>

namespace gateway {

class Control {
  public:
    static constexpr gatehouse::Command commands[] = {
        {"servers", "", "shows the servers and their state", gatehouse::Role::show},
        {"queue", "", "shows how many clients wait for a server", gatehouse::Role::show},
        {"disable", "SERVER", "gives this server no new connections; its open ones go on"},
        {"enable", "SERVER", "gives it new connections again"},
        {"drain", "SERVER [WITHIN]", "as disable; cuts the connections that are left after WITHIN (\"30s\", \"5m\")"},
    };

    explicit Control(Pool& pool) : pool_(pool) {}

    // Throws std::invalid_argument to refuse. [main]
    void run(std::span<const std::string_view> words, gatehouse::Answer& answer);

  private:
    void show_servers(gatehouse::Answer& answer);
    void show_queue(gatehouse::Answer& answer);
    void drain(std::span<const std::string_view> words);
    void order(std::string_view server, Server::Order order, std::optional<Clock::time_point> cut_at = std::nullopt);
    void cut_in_time(const std::stop_token& stop);

    Pool& pool_;
    std::mutex mutex_;
    std::condition_variable_any ordered_;
    bool news_ = false;   // guarded by mutex_: the operator has ordered a drain
    std::jthread cutter_; // [main] the first drain with a time limit starts it; last, so that it ends first
};

} // namespace gateway
