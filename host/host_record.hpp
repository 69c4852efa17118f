// What the host has done, and what it is at the moment: for the metrics and the health. It outlives all generations. [any]
// unless noted.
#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/time_histogram.hpp"
#include "control/command_counts.hpp"
#include "file_check.hpp"
#include "plugin/named_counts.hpp"
#include "threads/alarm.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::host {

class Generation;

// Through which other threads look at a generation, as long as it is there.
struct GenerationView {
    Mutex mutex;
    const Generation* generation GATEHOUSE_GUARDED_BY(mutex) = nullptr;
};

// Whether the main thread still does its work. It sleeps while there is none, so each look gives it some.
class Pulse {
  public:
    // Whether it has not come round for 5 s after an earlier look.
    bool is_stuck(Alarm& alarm, Nanoseconds now) noexcept {
        constexpr Nanoseconds longest_turn = 5'000'000'000;
        Nanoseconds asked = 0;
        if (!asked_.compare_exchange_strong(asked, now)) return now - asked > longest_turn;
        alarm.wake_by(now);
        return false;
    }
    void beat() noexcept { // [main]
        if (asked_.load(std::memory_order_relaxed) != 0) asked_.store(0);
    }

  private:
    std::atomic<Nanoseconds> asked_{0}; // when it was first asked; 0: it has answered
};

class HostRecord {
  public:
    enum class Reload : std::uint8_t { applied, refused, rolled_back };
    static constexpr std::array<std::string_view, 3> reload_names{"applied", "refused", "rolled_back"};

    void count_reload(Reload result) noexcept {
        reloads_[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
        last_reload_good_.store(result != Reload::refused);
    }
    std::uint64_t reloads(std::size_t result) const noexcept { return reloads_[result].load(std::memory_order_relaxed); }
    bool last_reload_good() const noexcept { return last_reload_good_.load(); } // true before the first one

    // The generation that accepts from here on, and who wanted it. [main]
    void runs(std::shared_ptr<GenerationView> generation, std::shared_ptr<const std::string> by) noexcept {
        const MutexLock lock(mutex_);
        now_ = std::move(generation);
        by_ = std::move(by);
    }
    std::shared_ptr<GenerationView> now() const noexcept { // null: none has accepted yet
        const MutexLock lock(mutex_);
        return now_;
    }
    std::string by() const { // throws std::bad_alloc
        const MutexLock lock(mutex_);
        return by_ ? *by_ : "";
    }

    std::atomic<bool> accepts{false};    // or has done so
    std::atomic<bool> leaves{false};     // it drains, is about to, or another process accepts instead
    std::atomic<std::size_t> denials{0}; // orders, as are the next two
    std::atomic<std::size_t> limit_orders{0};
    std::atomic<std::size_t> log_orders{0};
    std::atomic<std::size_t> drain_orders{0};
    Pulse pulse;
    TimeHistogram main_delay; // how late the main thread has come to what was due
    FileCheck file;
    CommandCounts commands; // of the control socket
    NamedCounts named_counts;

  private:
    std::array<std::atomic<std::uint64_t>, reload_names.size()> reloads_{};
    std::atomic<bool> last_reload_good_{true};
    mutable Mutex mutex_;
    std::shared_ptr<GenerationView> now_ GATEHOUSE_GUARDED_BY(mutex_);
    std::shared_ptr<const std::string> by_ GATEHOUSE_GUARDED_BY(mutex_);
};

// Looks at the generation that accepts; before the first one does, and when it has gone, at one's `own`. Nothing: both have
// gone. [any]
template <class What>
std::optional<What> look_at(const std::shared_ptr<GenerationView>& own, const HostRecord& record,
                            What (*look)(const Generation& generation)) {
    for (const std::shared_ptr<GenerationView>& view : {record.now(), own}) {
        if (!view) continue;
        const MutexLock lock(view->mutex);
        if (view->generation != nullptr) return look(*view->generation);
    }
    return std::nullopt;
}

} // namespace gatehouse::host
