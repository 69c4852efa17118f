// What a TLS client asks for in its first message: the name of the server (SNI, RFC 6066 section 3) and the protocols that it
// offers (ALPN, RFC 7301). For routing connections whose TLS passes through, so nothing here verifies or decides anything about
// TLS itself: the side that terminates it will.
#pragma once

#include "base/match.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// Each of the two is there as soon as its extension is, and then holds whatever follows, be it the rest of the message or not.
struct ClientHello {
    std::array<char, 255> name{}; // as it was sent
    std::size_t name_size = 0;    // 0: it is not there
    // ALPN's list as it stands on the wire: for each protocol its length in a byte, and its name. What does not fit in is not
    // looked at.
    std::array<char, 512> protocols{};
    std::size_t protocols_size = 0; // 0: they are not there

    std::string_view server_name() const noexcept { return {name.data(), name_size}; }
    bool offers(std::string_view protocol) const noexcept;
};

// The longest message that is read; real ones have 200 to 2,000 bytes, and some more with post-quantum keys or long tickets.
inline constexpr std::size_t max_client_hello = 64 * 1024 - 1;

enum class HelloParse : std::uint8_t {
    whole,
    more, // this may be the beginning of one
    none, // no continuation makes a ClientHello of it
};

// What the bytes begin with: a ClientHello in one TLS record or spread over several (RFC 8446, section 5.1), of TLS 1.0 to 1.3.
// `hello` has what was found before that was decided.
HelloParse parse_client_hello(std::span<const std::byte> bytes, ClientHello& hello) noexcept;

// A message as clients of TLS 1.3 send it, with what this file looks at. Names are cut to 255 bytes; empty: without. May throw
// std::bad_alloc.
std::vector<std::byte> make_client_hello(std::string_view server_name, std::string_view protocol);

// Whether the bytes begin as one: up to its version, 11 bytes or somewhat more in small records.
Match begins_client_hello(std::span<const std::byte> bytes) noexcept;

} // namespace gatehouse::host
