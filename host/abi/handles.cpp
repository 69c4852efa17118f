#include "abi/handles.hpp"

#include "base/log.hpp"
#include "config/config.hpp"
#include "plugin/error_text.hpp"

namespace gatehouse::host {

const Facilities& facilities_of(const Connection& client) noexcept {
    return client.plugin.load(std::memory_order_relaxed)->facilities();
}

const std::string& listener_of(const Connection& client) noexcept {
    return client.listener.load(std::memory_order_relaxed)->config.name;
}

void refuse(const gatehouse_instance& instance, std::string_view why) noexcept {
    set_error_text(why);
    instance.facilities.log.warning(why, {{"plugin", instance.name}});
}

} // namespace gatehouse::host
