#include "wire/protocol_pattern.hpp"

#include "base/ascii.hpp"
#include "wire/bytes.hpp"
#include "wire/client_hello.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace gatehouse::host {
namespace {

Match starts_with(std::string_view text, std::string_view start) noexcept {
    if (text.substr(0, start.size()) != start.substr(0, text.size())) return Match::no;
    return text.size() < start.size() ? Match::more : Match::yes;
}

// The same for a start in lower case, and a text in any.
Match starts_with_any_case(std::string_view text, std::string_view start) noexcept {
    for (std::size_t i = 0; i < std::min(text.size(), start.size()); ++i)
        if (ascii_lower(text[i]) != start[i]) return Match::no;
    return text.size() < start.size() ? Match::more : Match::yes;
}

// How one of the four forms of a target begins (RFC 9112, section 3.2).
Match begins_target(std::string_view method, std::string_view target) noexcept {
    if (target.empty()) return Match::more;
    if (method == "CONNECT") return target.front() != '/' ? Match::yes : Match::no;
    if (target.front() == '/') return Match::yes;
    if (target.front() == '*') return method == "OPTIONS" && (target.size() < 2 || target[1] == ' ') ? Match::yes : Match::no;
    return either(starts_with_any_case(target, "http://"), starts_with_any_case(target, "https://"));
}

// A request line (RFC 9112, section 3): a method in capitals, a target and the version; empty lines may stand before it
// (section 2.2). The target tells it from Redis' inline "GET key", SMTP and others before the line has ended. HTTP/2's preface
// (RFC 9113, section 3.4) is of the same form.
Match http(Bytes bytes) noexcept {
    constexpr std::size_t longest_method = 20; // the registry's longest are shorter
    std::string_view text = text_of(bytes);
    while (text.starts_with("\r\n")) text.remove_prefix(2);
    if (text.empty() || text == "\r") return Match::more;
    const auto in_method = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
    const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), in_method) - text.begin());
    if (end > longest_method || text.front() < 'A' || text.front() > 'Z') return Match::no;
    if (end == text.size()) return Match::more;
    if (text[end] != ' ') return Match::no;
    const std::string_view method = text.substr(0, end);
    const std::string_view target = text.substr(end + 1);
    if (method == "PRI" && target.starts_with('*')) return starts_with(target, "* HTTP/2.0\r\n");
    const auto in_target = [](char c) { return c != ' ' && c != 0x7f && (static_cast<unsigned char>(c) > ' '); };
    const auto size = static_cast<std::size_t>(std::find_if_not(target.begin(), target.end(), in_target) - target.begin());
    if (size < target.size() && (size == 0 || target[size] != ' ')) return Match::no;
    const Match begins = begins_target(method, target);
    if (begins == Match::no || size == target.size()) return begins == Match::no ? begins : Match::more;
    const std::string_view version = target.substr(size + 1);
    constexpr std::string_view expected = "HTTP/1.";
    const Match known = both(begins, starts_with(version, expected));
    if (known != Match::yes || version.size() == expected.size()) return known == Match::no ? known : Match::more;
    return is_digit(version[expected.size()]) ? Match::yes : Match::no;
}

// A command as an array of bulk strings, as every client library and redis-cli send it. Inline commands look like text.
Match redis(Bytes bytes) noexcept {
    constexpr std::uint32_t most_arguments = 1'048'576;
    std::string_view text = text_of(bytes);
    if (text.empty()) return Match::more;
    if (text[0] != '*') return Match::no;
    text.remove_prefix(1);
    std::uint32_t arguments = 0;
    for (; !text.empty() && is_digit(text[0]) && arguments <= most_arguments; text.remove_prefix(1))
        arguments = 10 * arguments + static_cast<std::uint32_t>(text[0] - '0');
    const bool some = bytes.size() - 1 > text.size();
    if (arguments > most_arguments || (some && byte_at(bytes, 1) == '0')) return Match::no;
    if (text.empty()) return Match::more;
    const Match command = some ? starts_with(text, "\r\n$") : Match::no;
    if (command != Match::yes || text.size() == 3) return command == Match::no ? command : Match::more;
    return is_digit(text[3]) && text[3] != '0' ? Match::yes : Match::no;
}

// The greeting (RFC 1928, section 3): the version, and the methods of authentication with their number in front. The server
// alone says 0xff, that it accepts none of them.
Match socks5(Bytes bytes) noexcept {
    if (!bytes.empty() && byte_at(bytes, 0) != 5) return Match::no;
    if (bytes.size() < 2) return Match::more;
    const std::size_t count = byte_at(bytes, 1);
    const Bytes methods = bytes.subspan(2, std::min(count, bytes.size() - 2));
    if (count == 0 || std::find(methods.begin(), methods.end(), std::byte{0xff}) != methods.end()) return Match::no;
    return methods.size() < count ? Match::more : Match::yes;
}

// RFC 4253, sections 4.2 and 5.1. Clients must not send other lines before.
Match ssh(Bytes bytes) noexcept {
    const Match two = starts_with(text_of(bytes), "SSH-2.0-");
    return two != Match::no ? two : starts_with(text_of(bytes), "SSH-1.99-");
}

// What the number of four bytes may be at this place.
struct Range {
    std::uint32_t least;
    std::uint32_t most;
};

Range number_at(Bytes bytes, std::size_t at) noexcept {
    Range range{0, 0};
    for (std::size_t i = at; i < at + 4; ++i) {
        range.least = range.least << 8U | (i < bytes.size() ? byte_at(bytes, i) : 0x00);
        range.most = range.most << 8U | (i < bytes.size() ? byte_at(bytes, i) : 0xff);
    }
    return range;
}

constexpr bool meet(const Range& one, const Range& other) noexcept {
    return one.least <= other.most && other.least <= one.most;
}

// The first message, which has a length and a code but no type ("Message Formats" in PostgreSQL's manual).
Match postgresql(Bytes bytes) noexcept {
    struct Form {
        Range size;
        Range code;
    };
    constexpr std::array<Form, 4> forms{{
        {{9, 10'000}, {0x0003'0000, 0x0003'ffff}},  // StartupMessage of protocol 3; MAX_STARTUP_PACKET_LENGTH
        {{16, 12 + 256}, {80'877'102, 80'877'102}}, // CancelRequest; its key has up to 256 bytes since protocol 3.2
        {{8, 8}, {80'877'103, 80'877'103}},         // SSLRequest
        {{8, 8}, {80'877'104, 80'877'104}},         // GSSENCRequest
    }};
    const Range size = number_at(bytes, 0);
    const Range code = number_at(bytes, 4);
    const auto fits = [&](const Form& form) { return meet(size, form.size) && meet(code, form.code); };
    if (std::none_of(forms.begin(), forms.end(), fits)) return Match::no;
    return bytes.size() < 8 ? Match::more : Match::yes;
}

constexpr std::array<ProtocolPattern, 6> patterns{{
    {"http", "", http},
    {"postgresql", {"\0\0", 2}, postgresql},
    {"redis", "*", redis},
    {"socks5", "\x05", socks5},
    {"ssh", "SSH-", ssh},
    {"tls", "\x16\x03", begins_client_hello},
}};

} // namespace

std::span<const ProtocolPattern> protocol_patterns() noexcept { return patterns; }

const ProtocolPattern* find_protocol_pattern(std::string_view name) noexcept {
    const auto* const found = std::find_if(patterns.begin(), patterns.end(), [&](const auto& p) { return p.name == name; });
    return found == patterns.end() ? nullptr : found;
}

} // namespace gatehouse::host
