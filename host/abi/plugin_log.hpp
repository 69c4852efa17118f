// Lines that a plugin writes to the host's log: log() of the host's table.
#pragma once

#include <cstddef>
#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

void write_log(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_level level, gatehouse_str text,
               const gatehouse_field* fields, std::size_t count, std::size_t stride) noexcept;

} // namespace gatehouse::host
