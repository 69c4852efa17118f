// Which certificate a client gets that asks for a server's name (SNI, RFC 6066 3): the one with exactly this name, else one
// with a wildcard for its first label (see net/server_name.hpp), else the first.
#pragma once

#include "net/server_name.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace gatehouse::host {

// Filled on [main], then constant.
class TlsNames {
  public:
    // Adds a name of a certificate; "*.a.example" is a wildcard. False: the name was added before, and keeps its index.
    bool add(std::string_view name, std::size_t index);

    // The index of the name that fits; 0 if none does. [any]
    std::size_t find(const ServerName& asked) const noexcept;

  private:
    using Indices = std::map<std::string, std::size_t, std::less<>>;

    Indices names_;     // in the normal form
    Indices wildcards_; // the same, without their "*."
};

} // namespace gatehouse::host
