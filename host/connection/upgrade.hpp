// TLS that a plugin begins with its client (STARTTLS). The section that ends it, and when the time of its stage is over, are in
// StagingLife, since the same stage shakes hands as before serve().
#pragma once

#include <cstddef>
#include <gatehouse/gatehouse.h>
#include <optional>
#include <string>

namespace gatehouse::host {

struct Upgrade {
    std::size_t unused = 0;                 // bytes that came in plain behind the command
    std::optional<gatehouse_status> status; // once it is over
    std::string why;                        // with a failure
    bool told = false;                      // the plugin has been called for it
};

} // namespace gatehouse::host
