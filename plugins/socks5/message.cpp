#include "message.hpp"

#include <algorithm>

namespace socks5 {
namespace {

constexpr char authentication_version = 1;
enum AddressType : std::uint8_t { ipv4 = 1, domain_name = 3, ipv6 = 4 };

std::uint8_t byte(std::string_view input, std::size_t at) { return static_cast<std::uint8_t>(input[at]); }

// Reads the text at `at`, after a byte with its length, and moves `at` behind it. False: the text is not complete.
bool counted(std::string_view input, std::size_t& at, std::string_view& text) {
    if (input.size() <= at || input.size() - at - 1 < byte(input, at)) return false;
    text = input.substr(at + 1, byte(input, at));
    at += 1 + text.size();
    return true;
}

// The plugin puts the name into a "host:port", so the name must not contain any of that syntax.
bool is_host_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

char low(unsigned number) { return static_cast<char>(number & 0xffU); }

std::string_view view(const IpAddress& address) { return {reinterpret_cast<const char*>(address.bytes.data()), address.size}; }

} // namespace

Read parse(std::string_view input, Greeting& greeting) {
    if (input.empty()) return Read::incomplete;
    if (input[0] != version) return Read::wrong_version;
    std::size_t at = 1;
    if (!counted(input, at, greeting.methods)) return Read::incomplete;
    greeting.size = at;
    return Read::complete;
}

Read parse(std::string_view input, Credentials& credentials) {
    if (input.empty()) return Read::incomplete;
    if (input[0] != authentication_version) return Read::wrong_version;
    std::size_t at = 1;
    if (!counted(input, at, credentials.name) || !counted(input, at, credentials.password)) return Read::incomplete;
    credentials.size = at;
    return Read::complete;
}

Read parse(std::string_view input, Request& request) {
    if (!input.empty() && input[0] != version) return Read::wrong_version;
    if (input.size() > 2 && input[2] != 0) return Read::malformed;
    if (input.size() < 4) return Read::incomplete;
    std::size_t at = 4;
    std::string_view host;
    switch (byte(input, 3)) {
    case ipv4:
    case ipv6:
        request.endpoint.address.size = byte(input, 3) == ipv4 ? 4 : 16;
        host = input.substr(at, request.endpoint.address.size);
        if (host.size() < request.endpoint.address.size) return Read::incomplete;
        at += host.size();
        std::ranges::copy(host, request.endpoint.address.bytes.begin());
        break;
    case domain_name:
        if (!counted(input, at, host)) return Read::incomplete;
        if (const auto address = parse_address(host))
            request.endpoint.address = *address;
        else if (is_host_name(host))
            request.name = host;
        else
            return Read::malformed;
        break;
    default:
        return Read::unknown_address_type;
    }
    if (input.size() - at < 2) return Read::incomplete;
    request.command = Command{byte(input, 1)};
    request.endpoint.port = static_cast<std::uint16_t>(byte(input, at) << 8U | byte(input, at + 1));
    request.size = at + 2;
    return Read::complete;
}

std::string to_string(const Request& request) {
    return request.name.empty() ? to_string(request.endpoint) : request.name + ":" + std::to_string(request.endpoint.port);
}

std::string method_message(Method method) { return {version, static_cast<char>(method)}; }

std::string authentication_message(bool right) { return {authentication_version, right ? '\0' : '\1'}; }

std::string reply_message(Reply reply, const Endpoint& bound) {
    std::string message{version, static_cast<char>(reply), '\0', static_cast<char>(bound.address.size == 4 ? ipv4 : ipv6)};
    message += view(bound.address);
    message += low(bound.port >> 8U);
    message += low(bound.port);
    return message;
}

} // namespace socks5
