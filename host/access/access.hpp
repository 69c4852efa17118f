// Who may connect: by its address, and by what its source has already.
//
// The host asks as soon as it knows the address: right after accept or, behind a proxy that sends a PROXY header, after that
// header. The answer costs no allocation and no system call.
//
// The lists are about clients. A proxy that the listener trusts also connects on its own behalf, mostly to see whether the
// listener is well. It is then asked about as itself: the networks of the trusted proxies count as allowed.
#pragma once

#include "access/source_table.hpp"
#include "config/config.hpp"
#include "config/refusal.hpp"
#include "net/network.hpp"

#include <optional>
#include <span>

namespace gatehouse::host {

// On whose behalf a connection comes. A proxy: one of the trusted, on its own.
enum class Behalf : std::uint8_t { client, proxy };

// Whether the lists let an address in. Nothing as an address: one of another kind than IP, which is in no network.
class AccessList {
  public:
    struct Verdict {
        bool allows;
        std::optional<Rule> rule; // nothing: none is about the address
    };

    // `lists` must outlive this. `proxies`: the networks of the trusted ones.
    explicit AccessList(const AccessLists& lists, std::span<const Network> proxies = {});

    Verdict judge(const std::optional<IpAddress>& address, Behalf behalf = Behalf::client) const noexcept; // [any]

  private:
    const AccessLists* lists_; // constant after construction, as are the others
    NetworkTable clients_;
    NetworkTable proxies_; // empty if nothing is denied
};

class Access {
  public:
    // `sources` counts them by `limits`, and outlives this, as `lists` and `limits` do; null: sources are not counted. Throws
    // std::bad_alloc.
    Access(const AccessLists& lists, SourceTable* sources = nullptr, const SourceLimits& limits = {},
           std::span<const Network> proxies = {});

    // Whether a connection from this address may come now, at `now` of the monotonic clock; why, if it must not. If it may, it
    // counts for its source until leave(source). [any]
    std::optional<Refusal> admit(const SocketAddress& address, Nanoseconds now, std::uint32_t& source,
                                 Behalf behalf = Behalf::client) noexcept;
    // What the lists say, and what the source has: admit() goes by these two. Nothing: there are no lists, or no limits. [any]
    std::optional<AccessList::Verdict> judge(const std::optional<IpAddress>& address, Behalf behalf) const noexcept {
        return list_ ? std::optional(list_->judge(address, behalf)) : std::nullopt;
    }
    std::optional<SourceTable::Standing> standing(const std::optional<IpAddress>& address, Nanoseconds now) const noexcept {
        return sources_ != nullptr && address ? std::optional(sources_->standing(*address, rule_, now)) : std::nullopt;
    }
    // What limits a source by this reason.
    const Rule& rule_for(Reason reason) const noexcept { return reason == Reason::over_rate ? rate_ : most_; }
    void leave(std::uint32_t source) noexcept {
        if (sources_ != nullptr) sources_->leave(source);
    }

  private:
    const std::optional<AccessList> list_; // constant after construction
    SourceTable* const sources_;
    const SourceRule rule_;
    const Rule most_;
    const Rule rate_;
};

} // namespace gatehouse::host
