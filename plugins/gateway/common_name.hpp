// The common name in the subject of a certificate.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// The CN of a distinguished name as RFC 2253 writes it, the most specific if there are several: "Smith, A." of
// "CN=Smith\, A.,O=Example". Nothing if there is none, or none that is a text of 1 to 255 bytes without control characters:
// what receivers might cut, or read only a part of, must not pass for another name.
std::optional<std::string> common_name(std::string_view subject);

} // namespace gateway
