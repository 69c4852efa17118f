// Who may connect: by its address, and by what its source has already.
//
// The host asks as soon as it knows the address: right after accept or, behind a proxy that sends a PROXY header, after that
// header. The answer costs no allocation and no system call.
//
// The lists are about clients. A proxy that the listener trusts also connects on its own behalf, mostly to see whether the
// listener is well. It is then asked about as itself: the networks of the trusted proxies count as allowed.
#pragma once

#include "access/live_limits.hpp"
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
    // `live` has what counts the sources, and the limits that outweigh `limits`; null: sources are not counted. All of them
    // must outlive this. Throws std::bad_alloc.
    explicit Access(const AccessLists& lists, const LiveLimits* live = nullptr, const SourceLimits& limits = unlimited,
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
        const SourceTable* const sources = this->sources();
        return sources != nullptr && address ? std::optional(sources->standing(*address, rule(), now)) : std::nullopt;
    }
    // What limits a source by this reason.
    Rule rule_for(Reason reason) const noexcept;
    void leave(std::uint32_t source) noexcept {
        if (source != SourceTable::nowhere) sources()->leave(source);
    }
    SourceTable* sources() const noexcept {
        return live_ != nullptr ? live_->sources.load(std::memory_order_acquire) : nullptr;
    }

    // As the configuration or the operator says. Only if there are sources. [any]
    SourceRule rule() const noexcept;

  private:
    static const SourceLimits unlimited;

    const std::optional<AccessList> list_; // constant after construction
    const LiveLimits* const live_;
    const Milliseconds per_; // of the rate
    const SourceRule rule_;
    const Rule most_;
    const Rule rate_;
};

} // namespace gatehouse::host
