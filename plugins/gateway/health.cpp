#include "health.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gateway {
namespace {

constexpr milliseconds ramp_step{20}; // how finely the weight grows: a finer step would change nothing visible
constexpr unsigned many = std::numeric_limits<unsigned>::max();

void count(unsigned& counter) noexcept { counter += counter < many ? 1 : 0; }

} // namespace

std::optional<Clock::time_point> Health::changes_at(Clock::time_point now) const noexcept {
    if (pending_ || down_) return std::nullopt;
    if (ejected_until_) return now < *ejected_until_ ? ejected_until_ : std::nullopt;
    if (recovered_at_ && now < *recovered_at_ + rules_->slow_start) return now + ramp_step;
    return std::nullopt;
}

std::uint32_t Health::share(Clock::time_point now) const noexcept {
    if (!recovered_at_ || now >= *recovered_at_ + rules_->slow_start) return Slot::one;
    const auto passed = std::chrono::duration_cast<milliseconds>(now - *recovered_at_).count();
    return static_cast<std::uint32_t>(std::max<std::int64_t>(1, passed * Slot::one / rules_->slow_start.count()));
}

void Health::recovered(Clock::time_point now) noexcept {
    down_ = false;
    trial_ = false;
    failures_ = 0;
    ejected_until_.reset();
    recovered_at_.reset();
    if (rules_->slow_start.count() > 0) recovered_at_ = now;
}

void Health::checked(bool good, Clock::time_point now) noexcept {
    count(good ? good_ : bad_);
    (good ? bad_ : good_) = 0;
    if (std::exchange(pending_, false)) {
        down_ = !good;
        if (recovered_at_) recovered_at_ = now; // a new server starts slowly from here on
        return;
    }
    if (!down_ && bad_ >= rules_->fall) down_ = true;
    if (state() != State::up && good_ >= rules_->rise) recovered(now);
}

void Health::connected(Clock::time_point now) noexcept {
    failures_ = 0;
    if (ejected_until_ && !down_) recovered(now);
}

void Health::connect_failed(bool on_trial, bool may_eject, Clock::time_point now) noexcept {
    count(failures_);
    if (ejected_until_) {
        if (!on_trial) return; // it began before the ejection, and says nothing new
        trial_ = false;
        backoff_ = std::min(2 * backoff_, rules_->max_backoff);
        ejected_until_ = now + backoff_;
        return;
    }
    if (!may_eject || rules_->failures == 0 || failures_ < rules_->failures) return;
    backoff_ = rules_->backoff;
    good_ = 0; // good checks from before the failure do not bring it back
    ejected_until_ = now + backoff_;
}

} // namespace gateway
