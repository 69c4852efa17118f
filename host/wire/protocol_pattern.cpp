#include "wire/protocol_pattern.hpp"

#include "wire/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace gatehouse::host {
namespace {

Match starts_with(std::string_view text, std::string_view start) noexcept {
    if (text.substr(0, start.size()) != start.substr(0, text.size())) return Match::no;
    return text.size() < start.size() ? Match::more : Match::yes;
}

// A request line (RFC 9112, section 3): a method in capitals, a blank, and how one of the four forms of a target begins. The
// target tells "GET /" from Redis' inline "GET key". HTTP/2's preface (RFC 9113, section 3.4) is of the same form.
Match http(Bytes bytes) noexcept {
    constexpr std::size_t longest_method = 20; // the registry's longest are shorter
    const std::string_view text = text_of(bytes);
    const auto in_method = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
    const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), in_method) - text.begin());
    if (end > longest_method) return Match::no;
    if (end == text.size()) return Match::more;
    if (end == 0 || text[end] != ' ') return Match::no;
    const std::string_view method = text.substr(0, end);
    const std::string_view target = text.substr(end + 1);
    if (target.empty()) return Match::more;
    if (method == "CONNECT") return target.front() > ' ' ? Match::yes : Match::no;
    if (target.front() == '/') return Match::yes;
    if (method == "OPTIONS" && target.front() == '*') return Match::yes;
    if (method == "PRI") return starts_with(target, "* HTTP/2.0\r\n");
    return starts_with(target, "http");
}

// A command as an array of bulk strings, as every client library and redis-cli send it. Inline commands look like text.
Match redis(Bytes bytes) noexcept {
    constexpr std::size_t most_digits = 7; // Redis takes 1,048,576 arguments at most
    const std::string_view text = text_of(bytes);
    if (text.empty()) return Match::more;
    if (text[0] != '*') return Match::no;
    std::size_t at = 1;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    if (at - 1 > most_digits || (text.size() > 1 && (at == 1 || text[1] == '0'))) return Match::no;
    return at == text.size() ? Match::more : starts_with(text.substr(at), "\r\n$");
}

// The greeting (RFC 1928, section 3): the version, and the methods of authentication with their number in front.
Match socks5(Bytes bytes) noexcept {
    if (!bytes.empty() && byte_at(bytes, 0) != 5) return Match::no;
    if (bytes.size() < 2) return Match::more;
    const unsigned methods = byte_at(bytes, 1);
    if (methods == 0) return Match::no;
    return bytes.size() < 2 + std::size_t{methods} ? Match::more : Match::yes;
}

// RFC 4253, sections 4.2 and 5.1. Clients must not send other lines before.
Match ssh(Bytes bytes) noexcept {
    const Match two = starts_with(text_of(bytes), "SSH-2.0-");
    return two != Match::no ? two : starts_with(text_of(bytes), "SSH-1.99-");
}

// A record of the handshake with a ClientHello in it (RFC 8446, sections 5.1 and 4).
Match tls(Bytes bytes) noexcept {
    if (!bytes.empty() && byte_at(bytes, 0) != 22) return Match::no;
    if (bytes.size() > 1 && byte_at(bytes, 1) != 3) return Match::no;
    if (bytes.size() > 2 && byte_at(bytes, 2) > 4) return Match::no;
    if (bytes.size() > 3 && byte_at(bytes, 3) > 0x40) return Match::no;
    if (bytes.size() > 5 && byte_at(bytes, 5) != 1) return Match::no;
    return bytes.size() < 6 ? Match::more : Match::yes;
}

// The first message, which has a length and a code but no type ("Message Formats" in PostgreSQL's manual): StartupMessage of
// protocol 3, SSLRequest, GSSENCRequest or CancelRequest.
Match postgresql(Bytes bytes) noexcept {
    constexpr std::uint32_t longest_startup = 10'000; // MAX_STARTUP_PACKET_LENGTH
    constexpr std::uint32_t cancel = 80'877'102;
    constexpr std::uint32_t longest_cancel = 12 + 256; // its key has up to 256 bytes since protocol 3.2
    constexpr std::uint32_t ssl = 80'877'103;
    constexpr std::uint32_t gss = 80'877'104;
    if (!bytes.empty() && byte_at(bytes, 0) != 0) return Match::no;
    if (bytes.size() > 1 && byte_at(bytes, 1) != 0) return Match::no;
    if (bytes.size() < 8) return Match::more;
    const std::uint32_t size = four_at(bytes, 0);
    const std::uint32_t code = four_at(bytes, 4);
    const bool request =
        (size == 8 && (code == ssl || code == gss)) || (code == cancel && size >= 16 && size <= longest_cancel);
    const bool startup = code >> 16U == 3 && size >= 9 && size <= longest_startup;
    return request || startup ? Match::yes : Match::no;
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
