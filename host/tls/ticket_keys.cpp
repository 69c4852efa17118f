#include "tls/ticket_keys.hpp"

#include <algorithm>
#include <cstring>
#include <sys/random.h>

namespace gatehouse::host {
namespace {

static_assert(sizeof(TicketKey) == 80, "a key is filled as one piece");

void forget(TicketKey& key) noexcept { ::explicit_bzero(&key, sizeof key); }

} // namespace

TicketKeys::~TicketKeys() {
    forget(current_);
    forget(previous_);
}

bool TicketKeys::rotate(Nanoseconds now) noexcept {
    if (made_ >= 0 && now - made_ < lifetime_) return true;
    TicketKey fresh;
    if (::getrandom(&fresh, sizeof fresh, 0) != static_cast<ssize_t>(sizeof fresh)) return false;
    has_previous_ = made_ >= 0 && now - made_ < 2 * lifetime_; // the tickets of an older one have all expired
    previous_ = has_previous_ ? current_ : TicketKey{};
    current_ = fresh;
    made_ = now;
    forget(fresh);
    return true;
}

std::optional<TicketKey> TicketKeys::current(Nanoseconds now) noexcept {
    const MutexLock lock(mutex_);
    if (!rotate(now)) return std::nullopt;
    return current_;
}

std::optional<TicketKey> TicketKeys::find(std::span<const unsigned char, 16> name, Nanoseconds now, bool& renew) noexcept {
    const MutexLock lock(mutex_);
    if (made_ < 0 || !rotate(now)) return std::nullopt;
    renew = !std::ranges::equal(name, current_.name);
    if (!renew) return current_;
    if (has_previous_ && now - made_ < lifetime_ && std::ranges::equal(name, previous_.name)) return previous_;
    return std::nullopt;
}

std::shared_ptr<TicketKeys> TicketKeyRing::keys_of(const std::string& name, Nanoseconds lifetime) {
    std::shared_ptr<TicketKeys>& keys = keys_[name];
    if (!keys || keys->lifetime() != lifetime) keys = std::make_shared<TicketKeys>(lifetime);
    return keys;
}

} // namespace gatehouse::host
