// Whether one server works, as far as its checks and the connections to it tell, and how much it takes after it has recovered.
//
//                    `fall` bad checks in a row
//        up ────────────────────────────────────────▶ down
//        │ ▲ ◀──────────────────────────────────────── │
//        │ │         `rise` good checks in a row       │ (and all the rest of its past is forgotten)
//        │ │
//        │ └── a connection, or `rise` good checks ──┐
//        └── `failures` connections fail in a row ─▶ ejected
//
// An ejected server has one connection on trial when its back-off is over; if that fails, the next back-off is twice as long.
// The caller's lock is this object's.
#pragma once

#include "balance.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gateway {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct HealthRules {
    unsigned rise = 2;
    unsigned fall = 3;
    unsigned failures = 3; // 0: never ejected
    milliseconds backoff{1000};
    milliseconds max_backoff{30'000};
    milliseconds slow_start{0}; // 0: the whole weight at once
};

class Health {
  public:
    enum class State { up, down, ejected };

    explicit Health(const HealthRules& rules) noexcept : rules_(&rules) {}

    State state() const noexcept { return down_ ? State::down : ejected_until_ ? State::ejected : State::up; }
    // May it have a new connection? One on trial at a time while it is ejected.
    bool usable(Clock::time_point now) const noexcept {
        return !down_ && (!ejected_until_ || (now >= *ejected_until_ && !trial_));
    }
    // When the answers of usable() or share() change by time alone.
    std::optional<Clock::time_point> changes_at(Clock::time_point now) const noexcept;
    // Its part of its weight: Slot::one, or less during slow start, but at least 1.
    std::uint32_t share(Clock::time_point now) const noexcept;

    // A check's result. Whether there was one can be told from checked().
    void checked(bool good, Clock::time_point now) noexcept;

    // A connection is about to be made; true if it is on trial, which its end has to be told.
    bool connecting() noexcept { return ejected_until_ ? (trial_ = true) : false; }
    void connected(Clock::time_point now) noexcept;
    void connect_failed(bool on_trial, bool may_eject, Clock::time_point now) noexcept;
    void trial_abandoned() noexcept { trial_ = false; }

    // It is new, or takes connections again after a pause that somebody ordered.
    void enabled(Clock::time_point now) noexcept {
        if (!down_) recovered(now);
    }

    unsigned failures() const noexcept { return failures_; } // connections in a row
    unsigned bad_checks() const noexcept { return bad_; }    // in a row
    unsigned good_checks() const noexcept { return good_; }
    milliseconds backoff() const noexcept { return backoff_; } // of the ejection that goes on

  private:
    void recovered(Clock::time_point now) noexcept;

    const HealthRules* rules_; // constant after construction
    bool down_ = false;
    bool trial_ = false;
    unsigned good_ = 0;
    unsigned bad_ = 0;
    unsigned failures_ = 0;
    milliseconds backoff_{0};
    std::optional<Clock::time_point> ejected_until_;
    std::optional<Clock::time_point> recovered_at_; // while it starts slowly
};

} // namespace gateway
