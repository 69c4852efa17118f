// Text as plugins hand it over.
#pragma once

#include <gatehouse/gatehouse.h>
#include <string_view>

namespace gatehouse::host {

inline gatehouse_str str(std::string_view text) { return {text.data(), text.size()}; }

} // namespace gatehouse::host
