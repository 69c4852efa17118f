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
        {"servers", "", "shows the servers, and how they are"},
        {"queue", "", "shows how many clients wait for a server"},
        {"disable", "SERVER", "no new connections to this server; those that it has go on"},
        {"enable", "SERVER", "new connections again"},
        {"drain", "SERVER [WITHIN]", "as disable; what is left after WITHIN (\"30s\", \"5m\") is cut"},
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
    bool news_ = false;   // guarded by mutex_: somebody has ordered a drain
    std::jthread cutter_; // [main] started by the first drain that has an end; last, so that it ends first
};

} // namespace gateway
