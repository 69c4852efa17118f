#include "abi/upstream_tls.hpp"

#include "base/log.hpp"
#include "config/config.hpp"
#include "config/plugin_settings.hpp"
#include "net/server_name.hpp"
#include "plugin/facilities.hpp"
#include "plugin/instance.hpp"

#include <new>
#include <optional>
#include <string_view>

std::string gatehouse_tls_client::name_for(std::string_view plugins) const {
    return std::string(gatehouse::host::ServerName(server_name.empty() ? plugins : std::string_view(server_name)).text());
}

namespace gatehouse::host {

gatehouse_status tls_client(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                            std::int32_t has_names, const gatehouse_tls_client** client) noexcept {
    const std::string_view name(key.data, key.size);
    try {
        std::optional<TlsClientConfig> wanted;
        const gatehouse_config* table = nullptr;
        const gatehouse_status status = config->tls_client(name, has_names != 0, wanted, table);
        if (status != GATEHOUSE_OK || !wanted) return status;
        auto made = std::make_shared<gatehouse_tls_client>();
        made->context = TlsContext::client(*wanted, [&](std::string_view part, const std::string& why) {
            if (table != nullptr)
                table->reject(part, why);
            else
                config->reject(name, why);
        });
        if (!made->context) return GATEHOUSE_INVALID;
        for (const std::string& warning : made->context->warnings())
            instance->facilities.log.warning(warning, {{"plugin", instance->name}});
        made->server_name = wanted->server_name;
        made->verify = wanted->verify;
        instance->kept.push_back(made);
        *client = made.get();
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        config->reject(name, "out of memory");
        return GATEHOUSE_EXHAUSTED;
    }
}

} // namespace gatehouse::host
