// The forms in which the configuration says where a server is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

enum class AddressKind {
    invalid,
    numeric,     // "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80"
    unix_socket, // "unix:/path", "unix:@abstract"
    name,        // "db.example:5432"
    service,     // "srv:_postgres._tcp.example": the name of SRV records (RFC 2782), without a port
};

// The form of `text`, so that a slip shows when the plugin reads its configuration and not with the first client. An address to
// which no client can connect is invalid too: "*:80", "0.0.0.0:80", port 0.
AddressKind kind_of(std::string_view text) noexcept;

// Why an address is invalid, for people: ", the path has 108 bytes and at most 107 fit"; "" if the forms say enough.
std::string problem_of(std::string_view text);

// The address without its port: "192.0.2.1" of "192.0.2.1:80", "2001:db8::1" of "[2001:db8::1]:80"; the whole text if it has no
// port.
std::string_view host_of(std::string_view address) noexcept;

// A numeric address with another port.
std::string with_port(std::string_view address, std::uint16_t port);

// The name that the certificate of the server at a configured address has to be for: the host of a name or of a numeric
// address. For a "srv:" name it is the domain that the operator has configured, since the names in its records are only as good
// as the DNS (RFC 6125 6.2.1). Empty for unix sockets.
std::string_view server_name_of(std::string_view address, AddressKind kind) noexcept;

} // namespace gateway
