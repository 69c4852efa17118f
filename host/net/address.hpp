// Addresses as users write them, and as the kernel takes them.
#pragma once

#include "base/bounded_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace gatehouse::host {

// Where a listener listens or an upstream is: "host:port", "[v6]:port", "unix:/path", "unix:@abstract", "fd:NAME" or
// "fd:NUMBER".
struct Address {
    enum class Kind { tcp, unix_socket, inherited };

    Kind kind = Kind::tcp;
    std::string host;       // tcp: a name or address without brackets; "" or "*" in a listener: every address, v4 and v6
    std::uint16_t port = 0; // tcp
    std::string path;       // unix_socket: path, or "@name" in the abstract namespace
    std::string name;       // inherited: LISTEN_FDNAMES' name, or a descriptor number

    bool operator==(const Address&) const = default;
};

// Parses the forms above; on failure returns nothing and says in `error` what is wrong and what was expected.
std::optional<Address> parse_address(std::string_view text, std::string& error);

// The form that parse_address() takes; IPv6 hosts in brackets.
std::string to_string(const Address& address);

// A socket address of any family, as accept4() or getaddrinfo() give it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

// "192.0.2.1:80", "[2001:db8::1]:80", "unix:/path" or "unix:" for an unnamed one. IPv4-mapped IPv6 appears as IPv4.
class AddressText {
  public:
    explicit AddressText(const SocketAddress& address) noexcept;
    operator std::string_view() const noexcept { return text_.view(); }

  private:
    BoundedText<448> text_; // "unix:@" and a name in the abstract namespace whose every byte is escaped
};

inline std::string to_string(const SocketAddress& address) { return std::string(std::string_view(AddressText(address))); }

// A client that connects to a free port of its own machine may get that very port as its own. Nothing listens there, and yet
// the client is connected: to itself. `peer` is the address that it has connected to. Always false for unix sockets.
bool is_connected_to_itself(int fd, const SocketAddress& peer) noexcept;

// The socket address of a numeric tcp or a unix address, without a DNS query; nothing if the host is a name.
std::optional<SocketAddress> numeric_address(const Address& address);

} // namespace gatehouse::host
