#include "connection/owner.hpp"

#include "base/check.hpp"

#include <sched.h>

namespace gatehouse::host {

std::uint64_t Owner::take() noexcept {
    const std::uint64_t now = word_.load();
    GATEHOUSE_CHECK((now & ~generation_bits) == 0); // the slot is free
    word_.store(now | running_bit);
    return now;
}

Owner::Claim Owner::claim(std::uint64_t id, Note note) noexcept {
    std::uint64_t now = word_.load();
    for (;;) {
        if (!is_of(now, id)) return Claim::gone;
        const bool rests = (now & resting_bit) != 0;
        const std::uint64_t next = rests ? (now & (generation_bits | ordered | held_bit)) | running_bit : now | note;
        if (word_.compare_exchange_weak(now, next)) return rests ? Claim::owned : Claim::noted;
    }
}

bool Owner::leave(std::uint64_t id, Note note) noexcept {
    std::uint64_t now = word_.load();
    do {
        if (!is_of(now, id)) return false;
    } while (!word_.compare_exchange_weak(now, now | note));
    return true;
}

bool Owner::hold(std::uint64_t id) noexcept {
    std::uint64_t now = word_.load();
    do {
        if (!is_of(now, id)) return false;
    } while (!word_.compare_exchange_weak(now, now | held_bit));
    return true;
}

bool Owner::rest() noexcept {
    std::uint64_t now = word_.load();
    do {
        GATEHOUSE_CHECK((now & (running_bit | resting_bit)) == running_bit); // the caller owns it
        if ((now & all) != 0) return false;
    } while (!word_.compare_exchange_weak(now, (now & ~running_bit) | resting_bit));
    return true;
}

void Owner::release() noexcept {
    std::uint64_t now = word_.load();
    GATEHOUSE_CHECK((now & running_bit) != 0); // a slot is released once
    std::uint64_t next = (now & generation_bits) + (std::uint64_t{1} << 32U);
    if (next == 0) next = std::uint64_t{1} << 32U;
    for (;;) { // who holds it does one system call
        if ((now & held_bit) != 0) {
            ::sched_yield();
            now = word_.load();
        } else if (word_.compare_exchange_weak(now, next)) {
            return;
        }
    }
}

} // namespace gatehouse::host
