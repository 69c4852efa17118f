// The keys of TLS session tickets (RFC 5077, RFC 8446 4.6.1). A ticket is the state of a session, encrypted by the server and
// kept by the client. The keys exist in the memory of this process alone, and in an upgrade in that of the next one.
//
// Once in a ticket lifetime the next ticket gets a new key, and the key before it still decrypts tickets for one more lifetime.
// So each ticket is valid for its whole lifetime, and a stolen key decrypts the sessions of a bounded time.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

struct TicketKey {
    std::array<unsigned char, 16> name{}; // each ticket carries it in clear text
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
};

class TicketKeys {
  public:
    explicit TicketKeys(Nanoseconds lifetime) noexcept : lifetime_(lifetime) {}
    ~TicketKeys();
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    Nanoseconds lifetime() const noexcept { return lifetime_; }

    // The key for new tickets. Nothing: the kernel gave no random bytes. [any]
    std::optional<TicketKey> current(Nanoseconds now) noexcept;

    // The key with this name, if it may still decrypt tickets. `renew`: new tickets have another key by now. [any]
    std::optional<TicketKey> find(std::span<const unsigned char, 16> name, Nanoseconds now, bool& renew) noexcept;

    // For another process of this machine, which goes on with these keys; empty: there are none yet. [any]
    std::string save() const;
    // Null: it is no such text.
    static std::shared_ptr<TicketKeys> restore(std::string_view text);

  private:
    bool rotate(Nanoseconds now) noexcept GATEHOUSE_REQUIRES(mutex_);

    const Nanoseconds lifetime_; // constant after construction

    mutable Mutex mutex_;
    TicketKey current_ GATEHOUSE_GUARDED_BY(mutex_);
    TicketKey previous_ GATEHOUSE_GUARDED_BY(mutex_);
    Nanoseconds made_ GATEHOUSE_GUARDED_BY(mutex_) = -1; // when current_ was made; -1: there is none
    bool has_previous_ GATEHOUSE_GUARDED_BY(mutex_) = false;
};

// The keys of each [tls.NAME] section, by its name. They outlive a generation, so that a reload of the configuration makes no
// client do a whole handshake again. [who makes a generation: one thread at a time]
class TicketKeyRing {
  public:
    // Those of that name, or new ones if there are none with this lifetime.
    std::shared_ptr<TicketKeys> keys_of(const std::string& name, Nanoseconds lifetime);

    // Those of all sections, by name, and back: see TicketKeys. A text that is none is passed over.
    std::vector<std::pair<std::string, std::string>> save() const;
    void restore(const std::string& name, std::string_view text);

  private:
    std::map<std::string, std::shared_ptr<TicketKeys>> keys_;
};

} // namespace gatehouse::host
