#include "grammar.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

namespace http {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_one_of(char c, std::string_view characters) noexcept { return characters.find(c) != std::string_view::npos; }

bool is_unreserved_or_sub_delim(char c) noexcept {
    return is_letter(c) || is_digit(c) || is_one_of(c, "-._~" /* unreserved */ "!$&'()*+,;=");
}

// *( unreserved / pct-encoded / sub-delims )
bool is_reg_name(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_unreserved_or_sub_delim(text[i])) continue;
        if (text[i] != '%' || text.size() - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return false;
        i += 2;
    }
    return true;
}

bool is_ipv6_address(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) return false;
    std::ranges::copy(text, buffer.begin());
    in6_addr address{};
    return ::inet_pton(AF_INET6, buffer.data(), &address) == 1;
}

// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool is_ip_future(std::string_view text) noexcept {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot < 2 || lower(text[0]) != 'v') return false;
    const std::string_view version = text.substr(1, dot - 1);
    const std::string_view address = text.substr(dot + 1);
    return !address.empty() && std::ranges::all_of(version, [](char c) { return hex_digit(c) >= 0; }) &&
           std::ranges::all_of(address, [](char c) { return is_unreserved_or_sub_delim(c) || c == ':'; });
}

// The length of the quoted-string at the front; 0 if there is none.
std::size_t quoted_string_length(std::string_view text) noexcept {
    if (!text.starts_with('"')) return 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') return i + 1;
        if (text[i] == '\\') ++i;
        if (i < text.size() && ((static_cast<unsigned char>(text[i]) < 0x20 && text[i] != '\t') || text[i] == 0x7f)) return 0;
    }
    return 0;
}

std::size_t token_length(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::find_if_not(text, is_token_char) - text.begin());
}

// *( OWS ";" OWS token BWS "=" BWS ( token / quoted-string ) ), and OWS
bool are_parameters(std::string_view text) noexcept {
    text = trim(text);
    while (!text.empty()) {
        if (!text.starts_with(';')) return false;
        text = trim(text.substr(1));
        const std::size_t name = token_length(text);
        text = trim(text.substr(name));
        if (name == 0 || !text.starts_with('=')) return false;
        text = trim(text.substr(1));
        const std::size_t value = text.starts_with('"') ? quoted_string_length(text) : token_length(text);
        if (value == 0) return false;
        text = trim(text.substr(value));
    }
    return true;
}

// By byte: each name of a field is checked.
constexpr std::array<bool, 256> token_chars = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

} // namespace

bool is_token_char(char c) noexcept { return token_chars[static_cast<unsigned char>(c)]; }

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

bool is_token(std::string_view text) noexcept { return !text.empty() && token_length(text) == text.size(); }

bool is_digits(std::string_view text) noexcept { return std::ranges::all_of(text, is_digit); }

bool is_host(std::string_view text) noexcept {
    if (!text.starts_with('[')) return is_reg_name(text); // every IPv4address is one, too
    if (!text.ends_with(']')) return false;
    const std::string_view literal = text.substr(1, text.size() - 2);
    return is_ipv6_address(literal) || is_ip_future(literal);
}

bool is_authority(std::string_view text) noexcept {
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == std::string_view::npos) return is_host(text);
    return is_host(text.substr(0, colon)) && is_digits(text.substr(colon + 1));
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

int hex_digit(char c) noexcept {
    if (is_digit(c)) return c - '0';
    if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
    return -1;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::string_view> next_member(std::string_view& list) noexcept {
    while (!list.empty()) {
        bool quoted = false;
        std::size_t end = 0;
        for (; end < list.size() && (quoted || list[end] != ','); ++end) {
            if (list[end] == '"') quoted = !quoted;
            if (quoted && list[end] == '\\') ++end;
        }
        const std::string_view member = trim(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
        if (!member.empty()) return member;
    }
    return std::nullopt;
}

bool is_media_type(std::string_view text) noexcept {
    const std::size_t type = token_length(text);
    if (type == 0 || !text.substr(type).starts_with('/')) return false;
    text.remove_prefix(type + 1);
    const std::size_t subtype = token_length(text);
    return subtype > 0 && are_parameters(text.substr(subtype));
}

std::optional<std::string_view> transfer_coding_name(std::string_view coding) noexcept {
    const std::size_t length = token_length(coding);
    if (length == 0 || !are_parameters(coding.substr(length))) return std::nullopt;
    return coding.substr(0, length);
}

namespace {

// weight = OWS ";" OWS "q=" qvalue, of which this is the qvalue: "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3("0") ]
std::optional<int> parse_qvalue(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    const std::string_view decimals = text.substr(std::min<std::size_t>(text.size(), 2));
    if (!is_digits(decimals)) return std::nullopt;
    int value = text[0] == '1' ? 1000 : 0;
    int place = 100;
    for (const char digit : decimals) {
        value += (digit - '0') * place;
        place /= 10;
    }
    return value <= 1000 ? std::optional(value) : std::nullopt;
}

std::size_t end_of_part(std::string_view member) noexcept { return std::min(member.find(';'), member.size()); }

} // namespace

std::optional<int> weight_of(std::string_view list, std::string_view name) noexcept {
    while (const auto member = next_member(list)) {
        std::string_view rest = *member;
        if (!equals_ignoring_case(trim(rest.substr(0, end_of_part(rest))), name)) continue;
        while (end_of_part(rest) < rest.size()) { // parameters of a media type may come before the weight
            rest.remove_prefix(end_of_part(rest) + 1);
            const std::string_view part = trim(rest.substr(0, end_of_part(rest)));
            if (part.size() >= 2 && lower(part[0]) == 'q' && part[1] == '=') return parse_qvalue(part.substr(2));
            if (name.find('/') == name.npos || part.find('=') == part.npos) return std::nullopt;
        }
        return 1000;
    }
    return std::nullopt;
}

} // namespace http
