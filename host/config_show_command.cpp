#include "config_show_command.hpp"

#include "config/show.hpp"
#include "generation.hpp"
#include "late_answer.hpp"
#include "order_commands.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

// What a thread needs for the answer.
struct Shown {
    std::shared_ptr<const Config> config;
    std::map<std::string, std::shared_ptr<const PluginLibrary>, std::less<>> libraries; // by instance
    std::vector<LiveOrders::Order> orders;
    std::string listener;
    bool with_where = false;
};

// An order's limit goes before the file's.
void put_orders_in(std::vector<ShownKey>& keys, const std::vector<LiveOrders::Order>& orders) {
    for (const LiveOrders::Order& order : orders) {
        const auto key = std::ranges::find_if(
            keys, [&](const ShownKey& one) { return one.section == "listeners." + order.listener && one.key == order.key; });
        if (key == keys.end()) continue;
        key->where = "order " + std::to_string(order.number) + " by " + order.by + ", instead of " + key->value + " (" +
                     key->where + ')';
        key->value = order.value;
    }
}

HostAnswer answer_of(const Shown& shown) {
    std::vector<ShownKey> keys =
        shown_keys(*shown.config, shown.listener, [&](std::string_view plugin) -> const std::vector<ConfigKey>* {
            const auto found = shown.libraries.find(plugin);
            return found != shown.libraries.end() && found->second->keys() ? &*found->second->keys() : nullptr;
        });
    put_orders_in(keys, shown.orders);
    HostAnswer answer;
    answer.result = Json::raw(json_cells_line(show_table(keys)));
    answer.text = show_text(keys, shown.with_where);
    return answer;
}

} // namespace

HostCommand config_show_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "config.show";
    command.summary = "shows the configuration that runs, with its defaults";
    command.parameters = {
        {"listener", Parameter::Type::text, false, "the section of this one alone", false},
        {"where", Parameter::Type::flag, false, "the text says where each key was said, too, as the table does", false}};
    command.shows = true;
    command.run = [generations, jobs = std::make_shared<Jobs>("config show")](const Arguments& with,
                                                                              const Caller&) -> HostCommand::Answer {
        Generation& now = *generations().front();
        Shown shown;
        shown.config = now.shared_config();
        shown.listener = with.text("listener");
        shown.with_where = with.flag("where");
        if (!shown.listener.empty() && !now.has(shown.listener))
            return HostCommand::at_once(no_such("listener", shown.listener, listener_names(generations)));
        for (const PluginInstance* instance : now.plugins().all()) shown.libraries[instance->name()] = instance->library();
        for (const LiveOrders::Order& order : now.standing().live_orders.all())
            if (LiveLimits::key(order.key)) shown.orders.push_back(order);
        return late_answer(*jobs, now.standing().alarm, [shown = std::move(shown)] { return answer_of(shown); });
    };
    return command;
}

} // namespace gatehouse::host
