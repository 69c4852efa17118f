#include "trial/inputs.hpp"

#include "base/printable.hpp"

#include <cstdint>
#include <string_view>

namespace gatehouse::host {
namespace {

// TLS 1.2, one cipher, no extension but the server's name "localhost" (RFC 5246 7.4.1.2).
std::string client_hello() {
    std::string body("\x03\x03", 2);
    body += noise(32) + std::string("\x00\x00\x02\xc0\x2b\x01\x00\x00\x12", 9);
    body += std::string("\x00\x00\x00\x0e\x00\x0c\x00\x00\x09", 9) + "localhost";
    const auto length = [](std::size_t size) { return std::string{'\0', static_cast<char>(size)}; };
    const std::string message = std::string("\x01\x00", 2) + length(body.size()) + body;
    return std::string("\x16\x03\x01", 3) + length(message.size()) + message;
}

} // namespace

std::string noise(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint64_t state = 88172645463325252U; // xorshift64
    for (char& byte : bytes) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        byte = static_cast<char>(state >> 56U);
    }
    return bytes;
}

std::vector<Input> usual_inputs() {
    return {
        {"a line", "hello, world\r\n"},        {"a negative number", "-4\r\n"},
        {"a large number", "2147483647\r\n"},  {"an HTTP request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {"a TLS ClientHello", client_hello()}, {"noise", noise(48)},
    };
}

std::string cut_text(const Input& input, std::size_t size) {
    if (size == 0) return said_nothing;
    const std::string_view said = std::string_view(input.bytes).substr(0, size);
    const std::string part =
        size >= input.bytes.size() ? input.what : std::to_string(size) + (size == 1 ? " byte of " : " bytes of ") + input.what;
    std::string shown;
    for (const char c : said.substr(0, 32)) shown += static_cast<unsigned char>(c) < 0x80 ? c : '?'; // noise is no text
    const std::string more = said.size() > 32 ? "..." : "";
    return part + " (\"" + printable(shown) + more + "\")";
}

} // namespace gatehouse::host
