// The PROXY protocol's header, versions 1 and 2, as a proxy puts it in front of a connection's own bytes. The specification is
// HAProxy's doc/proxy-protocol.txt; section numbers below are its.
//
// Whether a header is to be expected is decided by where the connection comes from (section 2, "the receiver MUST NOT try to
// guess"); this parser is only asked when one is, and everything that is not one is bad.
#pragma once

#include "net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace gatehouse::host {

// The longest header that is read, with all its TLVs. The specification asks for 536 bytes at least (section 2.2).
inline constexpr std::size_t max_proxy_header = 4096;

// PP2_TYPE_SSL (section 2.2.6): the client's connection to the proxy. Absent texts are empty.
struct ProxyTls {
    bool encrypted = false;            // PP2_CLIENT_SSL
    bool certificate = false;          // the client has shown one, in this connection or in the session before
    bool verified = false;             // and it was verified
    std::string_view version, subject; // "TLSv1.3"; the certificate's common name
    std::string_view cipher, signature, key;
};

// All texts refer to the bytes that were parsed.
struct ProxyHeader {
    std::size_t size = 0; // bytes; the connection's own begin after it
    bool local = false;   // LOCAL, UNKNOWN or UNSPEC: the connection is the proxy's own, or it does not say whose
    SocketAddress source; // size 0 if `local`
    SocketAddress destination;
    std::string_view unique_id; // at most 128 bytes, any
    std::string_view authority; // the name that the client asked for (SNI); at most 255 bytes
    std::string_view alpn;      // the protocol that was agreed on; at most 255 bytes
    std::optional<ProxyTls> tls;
};

struct ProxyParse {
    enum class What : std::uint8_t { whole, more, bad };

    What what = What::more;
    ProxyHeader header;       // if whole
    const char* problem = ""; // if bad: what is wrong
};

// What the bytes begin with. Says bad as soon as no continuation could make it whole.
ProxyParse parse_proxy_header(std::span<const std::byte> bytes) noexcept;

// CRC-32C (RFC 3720, appendix B.4) of the bytes, going on from `crc`, which is 0 at first.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0) noexcept;

} // namespace gatehouse::host
