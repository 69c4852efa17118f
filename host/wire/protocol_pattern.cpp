#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace gatehouse::host {
namespace {

using Bytes = std::span<const std::byte>;

std::string_view text_of(Bytes bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
unsigned byte_at(Bytes bytes, std::size_t at) noexcept { return std::to_integer<unsigned>(bytes[at]); }
std::uint32_t four_at(Bytes bytes, std::size_t at) noexcept {
    return byte_at(bytes, at) << 24U | byte_at(bytes, at + 1) << 16U | byte_at(bytes, at + 2) << 8U | byte_at(bytes, at + 3);
}

gatehouse_match starts_with(std::string_view text, std::string_view start) noexcept {
    if (text.substr(0, start.size()) != start.substr(0, text.size())) return GATEHOUSE_MATCH_NO;
    return text.size() < start.size() ? GATEHOUSE_MATCH_MORE : GATEHOUSE_MATCH_YES;
}

// A request line (RFC 9112, section 3): a method in capitals, a blank, and how one of the four forms of a target begins. The
// target tells "GET /" from Redis' inline "GET key". HTTP/2's preface (RFC 9113, section 3.4) is of the same form.
gatehouse_match http(Bytes bytes) noexcept {
    constexpr std::size_t longest_method = 20; // the registry's longest are shorter
    const std::string_view text = text_of(bytes);
    const auto in_method = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
    const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), in_method) - text.begin());
    if (end > longest_method) return GATEHOUSE_MATCH_NO;
    if (end == text.size()) return GATEHOUSE_MATCH_MORE;
    if (end == 0 || text[end] != ' ') return GATEHOUSE_MATCH_NO;
    const std::string_view method = text.substr(0, end);
    const std::string_view target = text.substr(end + 1);
    if (target.empty()) return GATEHOUSE_MATCH_MORE;
    if (method == "CONNECT") return target.front() > ' ' ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
    if (target.front() == '/') return GATEHOUSE_MATCH_YES;
    if (method == "OPTIONS" && target.front() == '*') return GATEHOUSE_MATCH_YES;
    if (method == "PRI") return starts_with(target, "* HTTP/2.0\r\n");
    return starts_with(target, "http");
}

// A command as an array of bulk strings, as every client library and redis-cli send it. Inline commands look like text.
gatehouse_match redis(Bytes bytes) noexcept {
    constexpr std::size_t most_digits = 7; // Redis takes 1,048,576 arguments at most
    const std::string_view text = text_of(bytes);
    if (text.empty()) return GATEHOUSE_MATCH_MORE;
    if (text[0] != '*') return GATEHOUSE_MATCH_NO;
    std::size_t at = 1;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    if (at - 1 > most_digits || (text.size() > 1 && (at == 1 || text[1] == '0'))) return GATEHOUSE_MATCH_NO;
    return at == text.size() ? GATEHOUSE_MATCH_MORE : starts_with(text.substr(at), "\r\n$");
}

// The greeting (RFC 1928, section 3): the version, and the methods of authentication with their number in front.
gatehouse_match socks5(Bytes bytes) noexcept {
    if (!bytes.empty() && byte_at(bytes, 0) != 5) return GATEHOUSE_MATCH_NO;
    if (bytes.size() < 2) return GATEHOUSE_MATCH_MORE;
    const unsigned methods = byte_at(bytes, 1);
    if (methods == 0) return GATEHOUSE_MATCH_NO;
    return bytes.size() < 2 + std::size_t{methods} ? GATEHOUSE_MATCH_MORE : GATEHOUSE_MATCH_YES;
}

// RFC 4253, sections 4.2 and 5.1. Clients must not send other lines before.
gatehouse_match ssh(Bytes bytes) noexcept {
    const gatehouse_match two = starts_with(text_of(bytes), "SSH-2.0-");
    return two != GATEHOUSE_MATCH_NO ? two : starts_with(text_of(bytes), "SSH-1.99-");
}

// A record of the handshake with a ClientHello in it (RFC 8446, sections 5.1 and 4).
gatehouse_match tls(Bytes bytes) noexcept {
    if (!bytes.empty() && byte_at(bytes, 0) != 22) return GATEHOUSE_MATCH_NO;
    if (bytes.size() > 1 && byte_at(bytes, 1) != 3) return GATEHOUSE_MATCH_NO;
    if (bytes.size() > 2 && byte_at(bytes, 2) > 4) return GATEHOUSE_MATCH_NO;
    if (bytes.size() > 3 && byte_at(bytes, 3) > 0x40) return GATEHOUSE_MATCH_NO;
    if (bytes.size() > 5 && byte_at(bytes, 5) != 1) return GATEHOUSE_MATCH_NO;
    return bytes.size() < 6 ? GATEHOUSE_MATCH_MORE : GATEHOUSE_MATCH_YES;
}

// The first message, which has a length and a code but no type ("Message Formats" in PostgreSQL's manual): StartupMessage of
// protocol 3, SSLRequest, GSSENCRequest or CancelRequest.
gatehouse_match postgresql(Bytes bytes) noexcept {
    constexpr std::uint32_t longest_startup = 10'000; // MAX_STARTUP_PACKET_LENGTH
    constexpr std::uint32_t cancel = 80'877'102;
    constexpr std::uint32_t longest_cancel = 12 + 256; // its key has up to 256 bytes since protocol 3.2
    constexpr std::uint32_t ssl = 80'877'103;
    constexpr std::uint32_t gss = 80'877'104;
    if (!bytes.empty() && byte_at(bytes, 0) != 0) return GATEHOUSE_MATCH_NO;
    if (bytes.size() > 1 && byte_at(bytes, 1) != 0) return GATEHOUSE_MATCH_NO;
    if (bytes.size() < 8) return GATEHOUSE_MATCH_MORE;
    const std::uint32_t size = four_at(bytes, 0);
    const std::uint32_t code = four_at(bytes, 4);
    const bool request =
        (size == 8 && (code == ssl || code == gss)) || (code == cancel && size >= 16 && size <= longest_cancel);
    const bool startup = code >> 16U == 3 && size >= 9 && size <= longest_startup;
    return request || startup ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
}

constexpr std::array<ProtocolPattern, 6> patterns{{
    {"http", http},
    {"postgresql", postgresql},
    {"redis", redis},
    {"socks5", socks5},
    {"ssh", ssh},
    {"tls", tls},
}};

} // namespace

std::span<const ProtocolPattern> protocol_patterns() noexcept { return patterns; }

const ProtocolPattern* find_protocol_pattern(std::string_view name) noexcept {
    const auto* const found = std::find_if(patterns.begin(), patterns.end(), [&](const auto& p) { return p.name == name; });
    return found == patterns.end() ? nullptr : found;
}

} // namespace gatehouse::host
