// The keys of TLS session tickets (RFC 5077, RFC 8446 4.6.1): a session's state is given to the client, locked with a key that
// only this process knows, and in memory only. A new key is made each ticket lifetime, when a ticket is next asked for, and the
// one before it still opens tickets for as long again: so every ticket is good for its whole lifetime, and what somebody
// learns who steals a key is bounded in time.
#pragma once

#include "base/clock.hpp"

#include <array>
#include <mutex>
#include <optional>
#include <span>

namespace gatehouse::host {

struct TicketKey {
    std::array<unsigned char, 16> name{}; // goes in the clear with each ticket
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
};

class TicketKeys {
  public:
    explicit TicketKeys(Nanoseconds lifetime) noexcept : lifetime_(lifetime) {}
    ~TicketKeys();
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    // The key for a new ticket; nothing if the system has no random bytes. [any]
    std::optional<TicketKey> current(Nanoseconds now) noexcept;

    // The key with this name, if it is still accepted. `renew`: it is not the one for new tickets any more. [any]
    std::optional<TicketKey> find(std::span<const unsigned char, 16> name, Nanoseconds now, bool& renew) noexcept;

  private:
    bool rotate(Nanoseconds now) noexcept; // guarded by mutex_

    const Nanoseconds lifetime_; // constant after construction

    std::mutex mutex_;
    TicketKey current_; // guarded by mutex_, as is what follows
    TicketKey previous_;
    Nanoseconds made_ = -1; // when current_ was made; -1: not yet
    bool has_previous_ = false;
};

} // namespace gatehouse::host
