#include "tls/ticket_keys.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <sys/random.h>

namespace gatehouse::host {
namespace {

static_assert(sizeof(TicketKey) == 80, "a key is filled as one piece");

constexpr std::size_t key_digits = 2 * sizeof(TicketKey);

std::string hex_of(const TicketKey& key) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, sizeof key> bytes{};
    std::memcpy(bytes.data(), &key, sizeof key);
    std::string text;
    for (const unsigned char byte : bytes) text += {digits[byte >> 4U], digits[byte & 15U]};
    ::explicit_bzero(bytes.data(), bytes.size());
    return text;
}

bool read_hex(std::string_view text, TicketKey& key) {
    std::array<unsigned char, sizeof key> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char* const at = text.data() + 2 * i;
        const auto [end, error] = std::from_chars(at, at + 2, bytes[i], 16);
        if (error != std::errc() || end != at + 2) return false;
    }
    std::memcpy(&key, bytes.data(), sizeof key);
    ::explicit_bzero(bytes.data(), bytes.size());
    return true;
}

// The number before the next space, which goes with it; -1: there is none.
Nanoseconds take_number(std::string_view& text) {
    Nanoseconds number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto size = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || size == text.size() || text[size] != ' ') return -1;
    text.remove_prefix(size + 1);
    return number;
}

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

// "LIFETIME MADE KEY" or "LIFETIME MADE KEY KEY": the clock is the machine's, and the second key the one before.
std::string TicketKeys::save() const {
    const MutexLock lock(mutex_);
    if (made_ < 0) return "";
    std::string text = std::to_string(lifetime_) + ' ' + std::to_string(made_) + ' ' + hex_of(current_);
    if (has_previous_) text += ' ' + hex_of(previous_);
    return text;
}

std::shared_ptr<TicketKeys> TicketKeys::restore(std::string_view text) {
    const Nanoseconds lifetime = take_number(text);
    const Nanoseconds made = take_number(text);
    const bool two = text.size() == 2 * key_digits + 1 && text[key_digits] == ' ';
    if (lifetime <= 0 || made < 0 || (text.size() != key_digits && !two)) return nullptr;
    auto keys = std::make_shared<TicketKeys>(lifetime);
    const MutexLock lock(keys->mutex_);
    if (!read_hex(text, keys->current_)) return nullptr;
    if (two && !read_hex(text.substr(key_digits + 1), keys->previous_)) return nullptr;
    keys->made_ = made;
    keys->has_previous_ = two;
    return keys;
}

std::vector<std::pair<std::string, std::string>> TicketKeyRing::save() const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [name, keys] : keys_)
        if (std::string text = keys->save(); !text.empty()) all.emplace_back(name, std::move(text));
    return all;
}

void TicketKeyRing::restore(const std::string& name, std::string_view text) {
    if (std::shared_ptr<TicketKeys> keys = TicketKeys::restore(text)) keys_[name] = std::move(keys);
}

std::shared_ptr<TicketKeys> TicketKeyRing::keys_of(const std::string& name, Nanoseconds lifetime) {
    std::shared_ptr<TicketKeys>& keys = keys_[name];
    if (!keys || keys->lifetime() != lifetime) keys = std::make_shared<TicketKeys>(lifetime);
    return keys;
}

} // namespace gatehouse::host
