// Whether one server works, judged by its checks and the connections to it, and how much it takes after it has recovered.
//
//     pending ── the first check, where that decides ──▶ up or down
//
//                    `fall` bad checks in a row
//        up ────────────────────────────────────────▶ down
//        │ ▲ ◀──────────────────────────────────────── │
//        │ │         `rise` good checks in a row       │ (and the rest of its past counts no more)
//        │ │
//        │ └── a connection, or `rise` good checks ──┐
//        └── `failures` connections fail in a row ─▶ ejected
//
// When the back-off of an ejected server is over, it gets one connection on trial. If that fails, the next back-off is twice as
// long. The caller's lock guards this object.
#pragma once

#include "balance.hpp"

#include <gatehouse/init.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace gateway {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The host's clock, by which its timers go too.
inline Clock::time_point now_of(const gatehouse::Init& init) noexcept { return Clock::time_point(init.now()); }

struct HealthRules {
    unsigned rise = 2;
    unsigned fall = 3;
    unsigned failures = 3; // 0: never eject
    milliseconds backoff{1000};
    milliseconds max_backoff{30'000};
    milliseconds slow_start{0};       // 0: the whole weight at once
    bool first_check_decides = false; // until then the server is pending; otherwise it counts as good
};

class Health {
  public:
    enum class State { up, down, ejected, pending };

    explicit Health(const HealthRules& rules) noexcept : rules_(&rules), pending_(rules.first_check_decides) {}

    State state() const noexcept {
        return pending_ ? State::pending : down_ ? State::down : ejected_until_ ? State::ejected : State::up;
    }
    // Whether it takes a new connection. An ejected server takes one at a time, on trial.
    bool usable(Clock::time_point now) const noexcept {
        return !pending_ && !down_ && (!ejected_until_ || (now >= *ejected_until_ && !trial_));
    }
    // When time alone changes the answers of usable() or share().
    std::optional<Clock::time_point> changes_at(Clock::time_point now) const noexcept;
    // How much of its weight it has now: Slot::one, or less during slow start, but at least 1.
    std::uint32_t share(Clock::time_point now) const noexcept;

    // A check's result.
    void checked(bool good, Clock::time_point now) noexcept;
    // The server will not be checked, so it counts as good.
    void without_checks() noexcept { pending_ = false; }

    // The gateway is about to connect. True: on trial, which the caller passes to connect_failed().
    bool connecting() noexcept { return ejected_until_ ? (trial_ = true) : false; }
    void connected(Clock::time_point now) noexcept;
    void connect_failed(bool on_trial, bool may_eject, Clock::time_point now) noexcept;
    void trial_abandoned() noexcept { trial_ = false; }

    // It is new, or takes connections again after a pause that the operator ordered.
    void enabled(Clock::time_point now) noexcept {
        if (!down_) recovered(now);
    }

    unsigned failures() const noexcept { return failures_; } // connections in a row
    unsigned bad_checks() const noexcept { return bad_; }    // in a row
    unsigned good_checks() const noexcept { return good_; }
    milliseconds backoff() const noexcept { return backoff_; } // of the current ejection

  private:
    void recovered(Clock::time_point now) noexcept;

    const HealthRules* rules_; // constant after construction
    bool pending_;
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
