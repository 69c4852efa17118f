// What a client accepts: the weights in an Accept or Accept-Encoding field. RFC 9110 §12.4.2, §12.5.1 and §12.5.3.
#pragma once

#include "coding.hpp"

#include <string_view>
#include <vector>

namespace http {

// The codings that an Accept-Encoding field prefers to the plain content, best first; those with equal weights in the order of
// all_codings. A client that does not name the plain content has a lesser wish for it.
std::vector<Coding> preferred_codings(std::string_view accept_encoding);

// Whether an Accept field prefers JSON to HTML; it has to say so.
bool prefers_json(std::string_view accept) noexcept;

} // namespace http
