#include "late_answer.hpp"

#include "base/if_memory_allows.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace gatehouse::host {
namespace {

struct LateAnswer {
    std::atomic<bool> made{false};
    std::optional<HostAnswer> answer; // nothing: there was no memory for it
};

} // namespace

HostCommand::Answer late_answer(Jobs& jobs, Alarm& alarm, std::function<HostAnswer()> make) {
    const auto late = std::make_shared<LateAnswer>();
    const bool posted = jobs.post([late, make = std::move(make), &alarm] {
        if_memory_allows([&] { late->answer = make(); });
        late->made.store(true);
        alarm.wake_by(monotonic_now());
    });
    if (!posted) return HostCommand::fails("busy", "there is no thread or memory for it");
    return [late]() -> std::optional<HostAnswer> {
        if (!late->made.load()) return std::nullopt;
        return late->answer ? std::move(late->answer) : failure("failed", "there is not enough memory for the answer");
    };
}

} // namespace gatehouse::host
