// Texts as the ABI has them.
#pragma once

#include <gatehouse/gatehouse.h>
#include <string_view>

namespace gatehouse::host {

inline std::string_view view(gatehouse_str text) noexcept { return {text.data, text.size}; }
inline gatehouse_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

} // namespace gatehouse::host
