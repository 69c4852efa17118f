// What a SOCKS client sends and receives, for tests.
#pragma once

#include <cstdint>
#include <gatehouse/testing.hpp>
#include <string>
#include <string_view>

namespace socks5::wire {

using namespace std::string_literals;

// A line of the plugin's log, with its fields.
inline std::string text_of(const gatehouse::kit::LogLine& line) {
    std::string text = line.text;
    for (const auto& [name, value] : line.fields) text.append(" ").append(name).append("=").append(value.text);
    return text;
}

inline std::string counted(std::string_view text) { return std::string(1, static_cast<char>(text.size())) + std::string(text); }
inline std::string port(std::uint16_t number) { return {static_cast<char>(number >> 8U), static_cast<char>(number & 0xffU)}; }

inline const std::string greeting = "\5\1\0"s;            // no authentication
inline const std::string password_greeting = "\5\2\0\2"s; // that, or user name and password
inline std::string credentials(std::string_view name, std::string_view password) {
    return "\1" + counted(name) + counted(password);
}
// `address` is the bytes of an IPv4 or IPv6 address.
inline std::string request(std::string_view address, std::uint16_t to, char command = 1) {
    return "\5"s + command + (address.size() == 4 ? "\0\1"s : "\0\4"s) + std::string(address) + port(to);
}
inline std::string request_name(std::string_view name, std::uint16_t to, char command = 1) {
    return "\5"s + command + "\0\3"s + counted(name) + port(to);
}

inline const std::string succeeded = "\5\0\0\1\xc0\0\2\xfe\xc3P"s; // bound to 192.0.2.254:50000, the fake host's
inline const std::string no_authentication = "\5\0"s;
inline const std::string wants_password = "\5\2"s;
inline const std::string no_method = "\5\xff"s;
inline const std::string right_password = "\1\0"s;
inline const std::string wrong_password = "\1\1"s;
inline std::string refusal(char code) { return "\5"s + code + "\0\1\0\0\0\0\0\0"s; }

} // namespace socks5::wire
