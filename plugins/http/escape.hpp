// Text from outside in a page and in JSON. What is no UTF-8 becomes U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace http {

// For content and for attributes in either quotes.
std::string escape_html(std::string_view text);

// In its quotes (RFC 8259 §7).
std::string quote_json(std::string_view text);

} // namespace http
