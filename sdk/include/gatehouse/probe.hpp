// A connection that nobody serves yet: what a plugin's probe() is asked about.
#ifndef GATEHOUSE_PROBE_HPP
#define GATEHOUSE_PROBE_HPP

#include "gatehouse.h"
#include "status.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace gatehouse {

// Valid until probe() returns. What the host does not know is empty; see gatehouse_probe. [any]
class Probe {
  public:
    Probe(const gatehouse_probe& probe, std::size_t& needed) noexcept : probe_(&probe), needed_(&needed) {}

    std::span<const std::byte> bytes() const noexcept {
        return {static_cast<const std::byte*>(probe_->bytes.data), probe_->bytes.size};
    }
    std::string_view listener() const noexcept { return detail::view(probe_->listener); }
    std::string_view peer() const noexcept { return detail::view(probe_->peer); }
    std::string_view server_name() const noexcept { return detail::view(probe_->server_name); }
    std::string_view protocol() const noexcept { return detail::view(probe_->protocol); }

    // The answer of who cannot tell before so many bytes have come in all.
    gatehouse_match more(std::size_t needed) const noexcept {
        *needed_ = needed;
        return GATEHOUSE_MATCH_MORE;
    }

  private:
    const gatehouse_probe* probe_;
    std::size_t* needed_;
};

} // namespace gatehouse

#endif
