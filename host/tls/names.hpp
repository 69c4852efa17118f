// Which certificate a client gets that asks for a server's name (SNI, RFC 6066 3): the one with exactly this name, else one
// with a wildcard for its first label (see net/server_name.hpp), else the first.
#pragma once

#include "net/server_name.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse::host {

// Filled by one thread, then constant.
class TlsNames {
  public:
    // Adds a name of a certificate; "*.a.example" is a wildcard. False: the name was added before, and keeps its index.
    bool add(std::string_view name, std::size_t index);

    // The index of the name that fits; 0 if none does. [any]
    std::size_t find(const ServerName& asked) const noexcept;

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>()(name); }
    };
    using Indices = std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>>;

    Indices names_;     // in the normal form
    Indices wildcards_; // the same, without their "*."
};

} // namespace gatehouse::host
