#pragma once

#include <string>
#include <string_view>

namespace gatehouse::host {

// The text with `with` in every place of `what`, which is not empty.
inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

} // namespace gatehouse::host
