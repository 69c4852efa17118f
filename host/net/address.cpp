#include "net/address.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <climits>
#include <cstddef>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace gatehouse::host {
namespace {

constexpr std::size_t max_unix_path = sizeof(sockaddr_un::sun_path) - 1; // the kernel wants room for a NUL
constexpr std::size_t max_host_name = 253;                               // RFC 1035, section 2.3.4, as text
constexpr std::string_view address_forms = R"((expected "host:port", "[IPv6]:port", "unix:/path", "unix:@name" or "fd:NAME"))";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_host_character(char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_'; }

// "fe80::1%eth0" -> "fe80::1" and "eth0".
struct Zoned {
    std::string address;
    std::string zone;
    bool has_zone = false;
};

Zoned split_zone(std::string_view host) {
    const std::size_t percent = host.find('%');
    if (percent == std::string_view::npos) return {std::string(host), {}, false};
    return {std::string(host.substr(0, percent)), std::string(host.substr(percent + 1)), true};
}

bool is_ipv4(const std::string& host) {
    in_addr address{};
    return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(std::string_view host) {
    const Zoned zoned = split_zone(host);
    in6_addr address{};
    if (inet_pton(AF_INET6, zoned.address.c_str(), &address) != 1) return false;
    return !zoned.has_zone || (!zoned.zone.empty() && zoned.zone.size() < IF_NAMESIZE);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return port;
}

// What is wrong with the host part, or "".
std::string host_error(const std::string& host, bool bracketed) {
    if (bracketed) return is_ipv6(host) ? "" : in_quotes(host) + " is not an IPv6 address";
    if (host.empty() || host == "*") return "";
    if (host.size() > max_host_name || !std::all_of(host.begin(), host.end(), is_host_character))
        return in_quotes(host) + " is not a host name or address";
    if (std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; }) && !is_ipv4(host))
        return in_quotes(host) + " is not an IPv4 address";
    return "";
}

std::optional<Address> parse_tcp(std::string_view text, std::string& error) {
    if (is_ipv6(text)) { // its last colon does not begin a port
        error = "an IPv6 address needs brackets and a port: \"[" + std::string(text) + "]:PORT\"";
        return std::nullopt;
    }
    if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
        error = in_quotes(text) + " is a URL (expected \"host:port\", without " + std::string(text.substr(0, scheme + 3)) + ")";
        return std::nullopt;
    }
    if (text.starts_with('/')) {
        error = in_quotes(text) + " is a path (expected \"unix:" + printable(text, 60) + "\")";
        return std::nullopt;
    }
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
        error = in_quotes(text) + " has no host (expected \"127.0.0.1:" + printable(text, 60) +
                "\", or \"*:" + printable(text, 60) + "\" for every address)";
        return std::nullopt;
    }
    const bool bracketed = text.starts_with('[');
    const std::size_t closing = bracketed ? text.find(']') : 0;
    const std::size_t colon = closing == std::string_view::npos ? closing : text.substr(closing).rfind(':');
    if (colon == std::string_view::npos || (bracketed && colon != 1)) {
        error = in_quotes(text) + " has no port " + std::string(address_forms);
        return std::nullopt;
    }
    Address address;
    address.host = bracketed ? text.substr(1, closing - 1) : text.substr(0, colon);
    error = host_error(address.host, bracketed);
    if (!error.empty()) {
        error += ' ' + std::string(address_forms);
        return std::nullopt;
    }
    const std::string_view port_text = text.substr(closing + colon + 1);
    const auto port = parse_port(port_text);
    if (!port) {
        error = in_quotes(port_text) + " is not a port (expected a number from 0 to 65535)";
        return std::nullopt;
    }
    address.port = *port;
    return address;
}

std::optional<Address> parse_unix(std::string_view path, std::string& error) {
    if (path.empty() || path == "@") {
        error = "the path is missing (expected \"unix:/path\" or \"unix:@name\")";
    } else if (path.size() > max_unix_path) {
        error = "the path is too long for a unix socket: " + std::to_string(path.size()) + " bytes (expected at most " +
                std::to_string(max_unix_path) + ")";
    } else {
        Address address;
        address.kind = Address::Kind::unix_socket;
        address.path = path;
        return address;
    }
    return std::nullopt;
}

std::optional<Address> parse_inherited(std::string_view name, std::string& error) {
    const bool number = !name.empty() && std::all_of(name.begin(), name.end(), is_digit);
    int descriptor = 0;
    const bool too_large = number && std::from_chars(name.data(), name.data() + name.size(), descriptor).ec != std::errc();
    // The rules of LISTEN_FDNAMES: sd_listen_fds_with_names(3).
    const bool bad_name =
        std::any_of(name.begin(), name.end(), [](char c) { return c == ':' || static_cast<unsigned char>(c) > 0x7e; });
    if (name.empty() || name.size() > 255 || bad_name || too_large) {
        error = in_quotes(name) + " is not a descriptor's number or name (expected \"fd:NUMBER\" or \"fd:NAME\")";
        return std::nullopt;
    }
    Address address;
    address.kind = Address::Kind::inherited;
    address.name = name;
    return address;
}

std::string with_port(const std::string& host, std::uint16_t port) {
    const bool brackets = host.find(':') != std::string::npos;
    return (brackets ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

template <class Text>
void append_ipv4(Text& text, const in_addr& address, in_port_t port) noexcept {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(&address);
    for (int i = 0; i < 4; ++i) text.add(bytes[i]) += i < 3 ? '.' : ':';
    text.add(ntohs(port));
}

template <class Text>
void append_ipv6(Text& text, const sockaddr_in6& address) noexcept {
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
        in_addr v4{};
        std::memcpy(&v4, address.sin6_addr.s6_addr + 12, sizeof v4);
        return append_ipv4(text, v4, address.sin6_port);
    }
    std::array<char, INET6_ADDRSTRLEN> host{};
    text += '[';
    text += ::inet_ntop(AF_INET6, &address.sin6_addr, host.data(), host.size());
    if (address.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> zone{};
        text += '%';
        if (::if_indextoname(address.sin6_scope_id, zone.data()) != nullptr)
            text += zone.data();
        else
            text.add(address.sin6_scope_id);
    }
    text += "]:";
    text.add(ntohs(address.sin6_port));
}

template <class Text>
void append_unix(Text& text, const sockaddr_un& address, socklen_t size) noexcept {
    constexpr std::size_t start = offsetof(sockaddr_un, sun_path);
    const std::size_t length = size > start ? std::min<std::size_t>(size - start, sizeof address.sun_path) : 0;
    text += "unix:";
    if (length == 0) return;
    // Names in the abstract namespace begin with a NUL and may hold any byte; the peer has chosen it.
    const bool abstract = address.sun_path[0] == '\0';
    if (abstract) text += '@';
    append_printable(text, abstract ? std::string_view(address.sun_path + 1, length - 1)
                                    : std::string_view(address.sun_path, ::strnlen(address.sun_path, length)));
}

SocketAddress unix_address(const std::string& path) {
    SocketAddress result;
    auto& address = reinterpret_cast<sockaddr_un&>(result.storage);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const bool abstract = path.front() == '@';
    if (abstract) address.sun_path[0] = '\0';
    // A path is counted with its NUL; an abstract name has none, and every byte counts.
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
    return result;
}

} // namespace

std::optional<Address> parse_address(std::string_view text, std::string& error) {
    if (std::any_of(text.begin(), text.end(), is_control)) {
        error = in_quotes(text) + " has a control character " + std::string(address_forms);
        return std::nullopt;
    }
    if (text.starts_with("unix:")) return parse_unix(text.substr(5), error);
    if (text.starts_with("fd:")) return parse_inherited(text.substr(3), error);
    return parse_tcp(text, error);
}

std::string to_string(const Address& address) {
    switch (address.kind) {
    case Address::Kind::unix_socket:
        return "unix:" + address.path;
    case Address::Kind::inherited:
        return "fd:" + address.name;
    case Address::Kind::tcp:
        break;
    }
    return with_port(address.host, address.port);
}

AddressText::AddressText(const SocketAddress& address) noexcept {
    switch (address.storage.ss_family) {
    case AF_INET: {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        append_ipv4(text_, v4.sin_addr, v4.sin_port);
        break;
    }
    case AF_INET6:
        append_ipv6(text_, reinterpret_cast<const sockaddr_in6&>(address.storage));
        break;
    case AF_UNIX:
        append_unix(text_, reinterpret_cast<const sockaddr_un&>(address.storage), address.size);
        break;
    default:
        text_ += "unknown address family ";
        text_.add(address.storage.ss_family);
    }
}

bool is_connected_to_itself(int fd, const SocketAddress& peer) noexcept {
    if (peer.storage.ss_family == AF_UNIX) return false;
    SocketAddress own;
    own.size = sizeof own.storage;
    return ::getsockname(fd, own.get(), &own.size) == 0 && own.size == peer.size &&
           std::memcmp(&own.storage, &peer.storage, own.size) == 0;
}

std::optional<SocketAddress> numeric_address(const Address& address) {
    if (address.kind == Address::Kind::inherited) return std::nullopt;
    if (address.kind == Address::Kind::unix_socket) {
        if (address.path.empty() || address.path.size() > max_unix_path) return std::nullopt;
        return unix_address(address.path);
    }

    SocketAddress result;
    auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
    if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        result.size = sizeof v4;
        return result;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
    const bool everywhere = address.host.empty() || address.host == "*";
    const Zoned zoned = split_zone(everywhere ? "::" : std::string_view(address.host));
    if (inet_pton(AF_INET6, zoned.address.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    if (zoned.has_zone) {
        const char* end = zoned.zone.data() + zoned.zone.size();
        const auto [stop, code] = std::from_chars(zoned.zone.data(), end, v6.sin6_scope_id);
        if (code != std::errc() || stop != end) v6.sin6_scope_id = if_nametoindex(zoned.zone.c_str());
        if (v6.sin6_scope_id == 0) return std::nullopt; // no such interface
    }
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    result.size = sizeof v6;
    return result;
}

} // namespace gatehouse::host
