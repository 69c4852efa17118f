// The operator's commands.
#pragma once

#include "command_words.hpp"
#include "settings.hpp"
#include "sites.hpp"

#include <gatehouse/control.hpp>

#include <functional>
#include <span>
#include <string_view>

namespace gateway {

class Control {
  public:
    static constexpr gatehouse::Command commands[] = {
        {"servers", "", "shows the servers and their state", gatehouse::Role::show},
        {"queue", "", "shows how many clients wait for a server", gatehouse::Role::show},
        {"orders", "", "shows what these commands have ordered", gatehouse::Role::show},
        {"disable", "SERVER [for TIME] [reason TEXT]", "gives this server no new connections; its open ones go on"},
        {"enable", "SERVER", "gives it new connections again"},
        {"drain", "SERVER [WITHIN] [for TIME] [reason TEXT]",
         "as disable; cuts the connections that are left after WITHIN (\"30s\", \"5m\")"},
        {"weight", "SERVER WEIGHT [for TIME] [reason TEXT]", "gives it another share of the clients; 0: none"},
        {"limit", "SERVER CONNECTIONS [for TIME] [reason TEXT]", "gives it another limit; 0: none"},
        {"add", "ADDRESS [name=NAME] [weight=N] [max_connections=N] [max_per_source=N] [backup=true] [for TIME] [reason TEXT]",
         "adds a server, with the settings of the pool"},
        {"remove", "SERVER [for TIME] [reason TEXT]", "removes a server; on_removed says what becomes of its connections"},
        {"order", "remove NUMBER", "takes an order back"},
    };

    // One of `only` and `sites` is null. What there is outlives it. [main]
    Control(const gatehouse::Init& init, const Settings& settings, Site* only, Sites* sites)
        : init_(init), settings_(settings), only_(only), sites_(sites) {}

    // Throws std::invalid_argument to refuse. [main]
    void run(std::span<const std::string_view> words, gatehouse::Answer& answer);

  private:
    void show_servers(gatehouse::Answer& answer);
    void show_queue(gatehouse::Answer& answer);
    void show_orders(gatehouse::Answer& answer);
    void add(Site& site, CommandWords& words, Clock::time_point now);
    void each_pool(const std::function<void(std::string_view name, Pool& pool)>& visit);

    const gatehouse::Init init_; // constant after construction, as are the others
    const Settings& settings_;
    Site* const only_;
    Sites* const sites_;
};

} // namespace gateway
