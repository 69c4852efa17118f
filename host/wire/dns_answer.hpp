// The answer of a name server (RFC 1035, section 4), read for the records that discovery asks for, with their times to live.
//
// The bytes come from the network: nothing in them is believed before it has been checked, and nothing grows beyond what they
// can hold.
#pragma once

#include "net/address.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gatehouse::host {

enum class DnsType : std::uint16_t { a = 1, aaaa = 28, srv = 33 };

// An SRV record (RFC 2782).
struct DnsService {
    std::string target; // a host name in the normal form (ServerName); "": the service is not available there
    std::uint16_t port = 0;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;

    bool operator==(const DnsService&) const = default;
};

struct DnsAnswer {
    std::string name;                     // that was asked for
    std::vector<SocketAddress> addresses; // of A or AAAA records, with port 0
    std::vector<DnsService> services;     // of SRV records
    std::uint32_t ttl = 0;                // seconds: the shortest of the records, aliases included; 0 without any
};

// Reads the records of this type; others, and those whose names are no host names, are passed over. False: it is malformed.
bool parse_dns_answer(std::span<const unsigned char> bytes, DnsType type, DnsAnswer& answer);

} // namespace gatehouse::host
