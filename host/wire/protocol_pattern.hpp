// How the first bytes of well-known protocols look, for routes whose plugin does not know the protocol itself: a gateway passes
// on any bytes, so `probe = "ssh"` says what to look for on its behalf. This is all that the host knows of any protocol.
//
// A pattern is a pure function of the bytes so far. Further bytes change only the answer "more", which means that there are
// some with which the pattern would fit.
#pragma once

#include "base/match.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

using Probe = Match (*)(std::span<const std::byte> bytes);

struct ProtocolPattern {
    std::string_view name;
    std::string_view start; // the bytes with which all begins that fits
    Probe probe;
};

// "http", "postgresql", "redis", "socks5", "ssh" and "tls".
std::span<const ProtocolPattern> protocol_patterns() noexcept;

// Null: there is none of this name.
const ProtocolPattern* find_protocol_pattern(std::string_view name) noexcept;

} // namespace gatehouse::host
