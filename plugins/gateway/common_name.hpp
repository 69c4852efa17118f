// The common name in the subject of a certificate.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// The CN of a distinguished name as RFC 2253 writes it, the most specific if there are several: "Smith, A." of
// "CN=Smith\, A.,O=Example". Nothing if there is no CN, or if it is not a text of 1 to 255 bytes without control characters: a
// receiver might cut it, or read only a part, and take it for another name.
std::optional<std::string> common_name(std::string_view subject);

} // namespace gateway
