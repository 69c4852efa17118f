// Who may connect: by its address, and by what its source has already.
//
// The host asks as soon as it knows the address: right after accept or, behind a proxy that sends a PROXY header, after that
// header. The answer costs no allocation and no system call.
//
// The lists are about clients. A proxy that the listener trusts also connects on its own behalf, mostly to see whether the
// listener is well. It is then asked about as itself: the networks of the trusted proxies count as allowed.
#pragma once

#include "access/source_table.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "net/network.hpp"

#include <optional>
#include <span>

namespace gatehouse::host {

// On whose behalf a connection comes. A proxy: one of the trusted, on its own.
enum class Behalf : std::uint8_t { client, proxy };

// Whether the lists let an address in. Nothing as an address: one of another kind than IP, which is in no network.
class AccessList {
  public:
    // `proxies`: the networks of the trusted ones.
    explicit AccessList(const AccessLists& lists, std::span<const Network> proxies = {});

    bool allows(const std::optional<IpAddress>& address, Behalf behalf = Behalf::client) const noexcept; // [any]

  private:
    bool by_default_; // constant after construction, as are the others; of clients: proxies in no network may come
    NetworkTable clients_;
    NetworkTable proxies_; // empty if nothing is denied
};

class Access {
  public:
    // `sources` counts them by `limits`, and outlives this; null: sources are not counted. Throws std::bad_alloc.
    Access(const AccessLists& lists, SourceTable* sources = nullptr, const SourceLimits& limits = {},
           std::span<const Network> proxies = {});

    // Whether a connection from this address may come now, at `now` of the monotonic clock; the reason if it must not. If it
    // may, it counts for its source until leave(source). [any]
    std::optional<Reason> admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source,
                                Behalf behalf = Behalf::client) noexcept;
    void leave(std::uint32_t source) noexcept {
        if (sources_ != nullptr) sources_->leave(source);
    }

  private:
    const std::optional<AccessList> list_; // constant after construction
    SourceTable* const sources_;
    const SourceRule rule_;
};

} // namespace gatehouse::host
