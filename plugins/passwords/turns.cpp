#include "turns.hpp"

#include <algorithm>
#include <sched.h>
#include <utility>

namespace passwords {
namespace {

constexpr std::size_t most_waiting = 4096;

unsigned usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(std::max(CPU_COUNT(&set), 1)) : 1;
}

} // namespace

Turns& Turns::of_library() {
    static Turns turns(usable_cpus(), most_waiting);
    return turns;
}

Turns::Turn::Turn(Turns& turns, std::function<void()> wake) : turns_(turns), wake_(std::move(wake)) {
    const std::lock_guard lock(turns_.mutex_);
    if (turns_.free_ > 0) {
        --turns_.free_;
        state_ = State::here;
    } else if (turns_.room_ > 0) {
        waiting_ = turns_.waiting_.insert(turns_.waiting_.end(), this);
        --turns_.room_;
    } else {
        state_ = State::refused;
    }
}

// A turn that is over goes to the one that has waited longest. That one may end without being woken: then it passes it on.
Turns::Turn::~Turn() {
    const std::lock_guard lock(turns_.mutex_);
    if (state_ == State::waiting) {
        turns_.waiting_.erase(waiting_);
        ++turns_.room_;
    } else if (state_ == State::here) {
        if (turns_.waiting_.empty()) {
            ++turns_.free_;
            return;
        }
        Turn& next = *turns_.waiting_.front();
        turns_.waiting_.pop_front();
        ++turns_.room_;
        next.state_ = State::here;
        next.wake_();
    }
}

Turns::Turn::State Turns::Turn::state() const {
    const std::lock_guard lock(turns_.mutex_);
    return state_;
}

} // namespace passwords
