// The PROXY protocol's header, which tells a server which client is behind this connection: HAProxy's proxy-protocol.txt,
// versions 1 (text, 2.1) and 2 (binary, 2.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

struct ProxyProtocol {
    int version = 0; // 1 or 2; 0: no header
    // TLVs of version 2.
    bool unique_id = false; // PP2_TYPE_UNIQUE_ID, 2.2.5
    bool crc32c = false;    // PP2_TYPE_CRC32C, 2.2.3
    // For clients with TLS only. The header leaves out what a client does not have.
    bool alpn = false;      // PP2_TYPE_ALPN, 2.2.1
    bool authority = false; // PP2_TYPE_AUTHORITY, 2.2.2: the name that the client asked for
    bool tls = false;       // PP2_TYPE_SSL, 2.2.6: version, cipher, and the name in the client's certificate

    bool says_tls() const noexcept { return alpn || authority || tls; }
};

// The host's facts about a client's TLS; without TLS all are empty.
struct ClientTls {
    std::string_view version, cipher, sni, alpn;
    std::string_view subject, alternative_names; // of its certificate, if the host has verified one
};

// The header for a client: its address, and the address that it connected to, in the form of the host's facts
// ("192.0.2.1:40123", "[2001:db8::1]:40123", "unix:/path"). IPv4 in IPv6 becomes IPv4. The header says "UNKNOWN" or AF_UNSPEC
// for addresses that version 1 cannot express or the host does not know. `unique_id` has at most 128 bytes.
std::string proxy_header(const ProxyProtocol& protocol, std::string_view peer, std::string_view local,
                         std::string_view unique_id, const ClientTls& tls = {});

// The header for connections without a client, such as checks: "LOCAL" (version 2), "UNKNOWN" (version 1). Empty for version 0.
std::string proxy_header_for_checks(const ProxyProtocol& protocol);

// CRC-32C (RFC 3720 appendix B.4).
std::uint32_t crc32c(std::string_view bytes) noexcept;

} // namespace gateway
