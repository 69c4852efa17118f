// The words of a status line: RFC 9110 §15.
#pragma once

#include <string_view>

namespace http {

std::string_view reason(int status) noexcept; // empty: a status that is not used here

} // namespace http
