// The rules of the grammar that several parts share, each after the ABNF of its RFC: RFC 9110 §5.6, RFC 9112 §7, RFC 3986 §3.2.
#pragma once

#include <optional>
#include <string_view>

namespace http {

bool is_blank(char c) noexcept;                    // SP / HTAB
bool is_token_char(char c) noexcept;               // tchar
bool is_token(std::string_view text) noexcept;     // 1*tchar
bool is_host(std::string_view text) noexcept;      // of a URI: IP-literal, IPv4address or reg-name, which may be empty
bool is_digits(std::string_view text) noexcept;    // *DIGIT
bool is_authority(std::string_view text) noexcept; // host [ ":" port ], as in a Host field; no userinfo, see RFC 9110 §4.2.4
std::string_view trim(std::string_view) noexcept;  // without OWS at both ends
char lower(char c) noexcept;                       // of ASCII letters
int hex_digit(char c) noexcept;                    // 0 to 15; -1: c is none
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept; // of ASCII letters

// Takes the next member off the front of a list, #element, without the blanks around it. A comma in a quoted string separates
// nothing, and a member that is empty does not count (§5.6.1.2). Nothing: no member is left.
std::optional<std::string_view> next_member(std::string_view& list) noexcept;

// type "/" subtype, and parameters.
bool is_media_type(std::string_view text) noexcept;

// The name of a transfer-coding, token *( OWS ";" OWS transfer-parameter ) of RFC 9112 §7: "a;b=c" gives "a". Nothing if it is
// malformed.
std::optional<std::string_view> transfer_coding_name(std::string_view coding) noexcept;

// The weight (RFC 9110 §12.4.2) of the member `name` in a list such as "gzip, br;q=0.5", in thousandths. Nothing: it is not
// there, or has a weight that is none.
std::optional<int> weight_of(std::string_view list, std::string_view name) noexcept;

} // namespace http
