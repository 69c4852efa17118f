#include "abi/handles.hpp"

#include "base/bounded_text.hpp"
#include "base/log.hpp"
#include "config/config.hpp"

namespace gatehouse::host {

const Facilities& facilities_of(const Connection& client) noexcept {
    return client.plugin.load(std::memory_order_relaxed)->facilities();
}

const std::string& listener_of(const Connection& client) noexcept {
    return client.listener.load(std::memory_order_relaxed)->config.name;
}

bool too_early(gatehouse_instance& instance, std::string_view function) noexcept {
    if (instance.started.load()) return false;
    BoundedText<64> why;
    why += function;
    why += " is called before start()";
    refuse(instance, why.view());
    return true;
}

void refuse(gatehouse_instance& instance, std::string_view why) noexcept {
    instance.error.set(why);
    instance.facilities.log.warning(why, {{"plugin", instance.name}});
}

} // namespace gatehouse::host
