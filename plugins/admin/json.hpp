// A table of the host as JSON: {"columns": [{"name": "open", "type": "number"}], "rows": [{"open": 17}]}, as `gatehouse control
// --json` prints it.
#pragma once

#include <gatehouse/host_view.hpp>

#include <string>

namespace admin {

std::string json_of(const gatehouse::HostTable& table);

} // namespace admin
