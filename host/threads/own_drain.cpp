#include "threads/own_drain.hpp"

#include "base/atomic_min.hpp"

#include <optional>
#include <system_error>
#include <utility>

namespace gatehouse::host {
namespace {

thread_local OwnDrain* served = nullptr;

// Each thread that has ever waited has one.
const Bell* bell_of_this_thread() noexcept {
    static thread_local std::optional<Bell> bell;
    try {
        if (!bell) bell.emplace();
        return &*bell;
    } catch (const std::system_error&) {
        return nullptr;
    }
}

} // namespace

void OwnDrain::start(Nanoseconds deadline) noexcept {
    lower(deadline_, deadline);
    ring();
}

OwnDrain::Serving::Serving(OwnDrain& drain) noexcept : before_(std::exchange(served, &drain)) {}
OwnDrain::Serving::~Serving() { served = before_; }
OwnDrain* OwnDrain::of_this_thread() noexcept { return served; }

OwnDrain::Listening::Listening(OwnDrain* drain) noexcept
    : drain_(drain), bell_(drain != nullptr ? bell_of_this_thread() : nullptr),
      before_(drain != nullptr ? drain->bell_.exchange(bell_) : nullptr) {}

OwnDrain::Listening::~Listening() {
    if (drain_ != nullptr) drain_->bell_.store(before_);
}

} // namespace gatehouse::host
