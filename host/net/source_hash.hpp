// A hash of addresses with a secret, so that an attacker cannot choose addresses that meet in the same place of a table.
#pragma once

#include "net/network.hpp"

#include <array>
#include <cstdint>

namespace gatehouse::host {

class SourceHash {
  public:
    SourceHash(); // with the secret of this process
    explicit SourceHash(const std::array<std::uint64_t, 2>& secret) noexcept : secret_(secret) {}

    std::uint64_t operator()(const IpAddress& source) const noexcept; // [any]

  private:
    std::array<std::uint64_t, 2> secret_;
};

} // namespace gatehouse::host
