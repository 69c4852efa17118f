// What stands behind relay_some() and relayed() of the extension gatehouse.upstream/1.
#pragma once

#include <cstdint>
#include <gatehouse/ext/upstream.h>

namespace gatehouse::host {

gatehouse_status relay_some(gatehouse_conn* conn, gatehouse_conn* from, gatehouse_conn* to, std::uint64_t bytes,
                            std::uint32_t flags) noexcept;
gatehouse_status relayed(gatehouse_conn* conn, std::uint64_t* moved, gatehouse_conn** failed) noexcept;

} // namespace gatehouse::host
