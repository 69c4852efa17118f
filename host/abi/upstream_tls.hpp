// TLS to servers, for plugins: the part of the extension gatehouse.upstream/1 that is about it.
#pragma once

#include "tls/context.hpp"

#include <cstdint>
#include <gatehouse/ext/upstream.h>
#include <memory>
#include <string>
#include <string_view>

// Opaque to plugins. Constant after construction.
struct gatehouse_tls_client {
    std::shared_ptr<const gatehouse::host::TlsContext> context;
    std::string server_name; // empty: the plugin says it
    bool verify = true;

    // The name to verify the server by: the configured one, or else the plugin's.
    std::string name_for(std::string_view plugins) const;
};

namespace gatehouse::host {

gatehouse_status tls_client(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                            std::int32_t has_names, const gatehouse_tls_client** client) noexcept;

} // namespace gatehouse::host
