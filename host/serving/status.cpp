#include "serving/status.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gatehouse::host {
namespace {

void append_count(std::string& text, std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    if (!text.empty()) text += ' ';
    text.append(name).append(":").append(std::to_string(count));
}

std::string_view or_none(const std::string& text) { return text.empty() ? std::string_view("none") : text; }

} // namespace

std::size_t phase_number(Phase phase, bool rests) noexcept {
    constexpr std::size_t parked = 3;
    if (phase == Phase::serving && rests) return parked;
    const auto number = static_cast<std::size_t>(phase);
    return number < parked ? number : number + 1;
}

void balance(Phases& phases, std::uint64_t open) noexcept {
    for (std::uint32_t& phase : phases) {
        phase = static_cast<std::uint32_t>(std::min<std::uint64_t>(phase, open));
        open -= phase;
    }
    phases.front() += static_cast<std::uint32_t>(open);
}

void log_status(Log& log, const ListenerStatus& status) {
    std::string reasons;
    for (std::size_t i = 0; i < reason_names.size(); ++i) append_count(reasons, reason_names[i], status.reasons[i]);
    std::string errors;
    for (const auto& [error, count] : status.accept_errors)
        if (const char* name = ::strerrorname_np(error)) append_count(errors, name, count);
    std::string wait_buckets;
    for (std::size_t i = 0; i < status.waits.size(); ++i)
        append_count(wait_buckets, std::to_string(histogram_limit(i)), status.waits[i]);
    log.info("status", {{"listener", status.listener},
                        {"open", status.open},
                        {"parked", status.parked},
                        {"handshakes", status.handshakes},
                        {"accepted", status.accepted},
                        {"queue_depth", status.queue.depth},
                        {"queue_limit", status.queue.limit},
                        {"queue_drops", status.queue.drops},
                        {"wait_p50_us", histogram_percentile(status.waits, 50)},
                        {"wait_p99_us", histogram_percentile(status.waits, 99)},
                        {"wait_us", or_none(wait_buckets)},
                        {"sources", status.sources.remembered},
                        {"sources_uncounted", status.sources.uncounted},
                        {"threads", status.pool.threads},
                        {"threads_blocked", status.pool.blocked},
                        {"threads_most", status.pool.most},
                        {"thread_failures", status.thread_failures},
                        {"reasons", or_none(reasons)},
                        {"accept_errors", or_none(errors)}});
}

} // namespace gatehouse::host
