// Who may connect: by its address, and by what its source has already.
//
// The host asks as soon as it knows the address: right after accept or, behind a proxy that sends a PROXY header, after that
// header. The answer costs no allocation and no system call.
#pragma once

#include "access/source_table.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "net/network.hpp"

#include <optional>

namespace gatehouse::host {

// Whether the lists let an address in. Nothing as an address: one of another kind than IP, which is in no network.
class AccessList {
  public:
    explicit AccessList(const AccessLists& lists);

    bool allows(const std::optional<IpAddress>& address) const noexcept; // [any]

  private:
    bool by_default_; // constant after construction
    NetworkTable table_;
};

class Access {
  public:
    // `sources` counts them, and outlives this; null: sources are not counted. Throws std::bad_alloc.
    Access(const AccessLists& lists, SourceTable* sources);

    // Whether a connection from this address may come now, at `now` of the monotonic clock; the reason if it must not. If it
    // may, it counts for its source until leave(source). [any]
    std::optional<Reason> admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source) noexcept;
    void leave(std::uint32_t source) noexcept {
        if (sources_ != nullptr) sources_->leave(source);
    }

  private:
    const std::optional<AccessList> list_; // constant after construction
    SourceTable* const sources_;
};

} // namespace gatehouse::host
