// The messages of SOCKS version 5 (RFC 1928) and of its user name/password authentication (RFC 1929), bytes to values and back.
#pragma once

#include "address.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace socks5 {

inline constexpr char version = 5;

enum class Method : std::uint8_t { none = 0, password = 2, unacceptable = 0xff };
enum class Command : std::uint8_t { connect = 1, bind = 2, udp_associate = 3 };

// RFC 1928, 6.
enum class Reply : std::uint8_t {
    succeeded = 0,
    general_failure = 1,
    not_allowed = 2,
    network_unreachable = 3,
    host_unreachable = 4,
    connection_refused = 5,
    ttl_expired = 6, // here: the destination did not answer in time
    command_not_supported = 7,
    address_type_not_supported = 8,
};

// What a parser makes of its input.
enum class Read {
    incomplete, // the input is the beginning of a message
    complete,
    wrong_version,
    malformed,
    unknown_address_type, // in a request, whose length is then unknown as well
};

// The parsers below look at the beginning of the input. If the message is complete, they fill in the values and `size`, its
// length in bytes. Views point into the input.

struct Greeting {
    std::string_view methods; // one byte each
    std::size_t size = 0;
};
Read parse(std::string_view input, Greeting& greeting);

struct Credentials {
    std::string_view name;
    std::string_view password;
    std::size_t size = 0;
};
Read parse(std::string_view input, Credentials& credentials);

struct Request {
    Command command{}; // may be a number without a name
    Endpoint endpoint; // its port is always set, its address only if `name` is empty
    std::string name;  // letters, digits, '-', '_' and '.'; an address in this place becomes one
    std::size_t size = 0;
};
Read parse(std::string_view input, Request& request);

std::string to_string(const Request& request); // "example.com:80"

// The server's messages.
std::string method_message(Method method);
std::string authentication_message(bool right);
std::string reply_message(Reply reply, const Endpoint& bound = {});

} // namespace socks5
