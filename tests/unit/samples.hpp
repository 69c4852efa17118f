// First bytes of connections, put together for tests.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host::samples {

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string number(std::size_t value, int size) {
    std::string text;
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
        text += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
    return text;
}

inline std::string sized(int size, std::string_view text) { return number(text.size(), size) + std::string(text); }

// --- the PROXY protocol, version 2 -----------------------------------------------------------------------------------------

inline std::string tlv(int type, std::string_view value) { return number(static_cast<std::size_t>(type), 1) + sized(2, value); }

// `command` is 0x20 (LOCAL) or 0x21 (PROXY), `family` 0x11 for TCP over IPv4 and so on.
inline std::string proxy_v2(std::size_t command, std::size_t family, std::string_view rest) {
    return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + number(command, 1) + number(family, 1) + sized(2, rest);
}

inline const std::string v4_addresses = std::string("\xc0\x00\x02\x01\xc6\x33\x64\x02", 8) + number(40000, 2) + number(443, 2);

// --- TLS -------------------------------------------------------------------------------------------------------------------

inline std::string extension(std::size_t type, std::string_view value) { return number(type, 2) + sized(2, value); }
inline std::string sni(std::string_view name) { return extension(0, sized(2, '\0' + sized(2, name))); }
inline std::string alpn(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += sized(1, name);
    return extension(16, sized(2, list));
}

// The message, without records around it.
inline std::string hello_message(std::string_view extensions, bool with_extensions = true) {
    std::string body = "\x03\x03" + std::string(32, 'r') + sized(1, std::string(32, 's')) + sized(2, "\x13\x01\x13\x02") +
                       sized(1, std::string(1, '\0'));
    if (with_extensions) body += sized(2, extensions);
    return '\x01' + sized(3, body);
}

// In records of at most `size` bytes.
inline std::string records(std::string_view message, std::size_t size = 16384) {
    std::string text;
    for (; !message.empty(); message.remove_prefix(std::min(size, message.size())))
        text += std::string("\x16\x03\x01") + sized(2, message.substr(0, size));
    return text;
}

inline const std::string grease = extension(0x0a0a, "");
inline const std::string usual_extensions =
    grease + sni("www.example.org") + extension(43, std::string("\x04\x03\x04\x03\x03", 5)) + alpn({"h2", "http/1.1"});
inline const std::string usual_hello = records(hello_message(usual_extensions));

} // namespace gatehouse::host::samples
