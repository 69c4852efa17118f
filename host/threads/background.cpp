#include "threads/background.hpp"

#include "threads/crash_report.hpp"

#include <algorithm>
#include <cerrno>
#include <pthread.h>
#include <sys/epoll.h>
#include <system_error>

namespace gatehouse::host {

Background::~Background() {
    stop(never);
    activities_.clear(); // an activity that its owner has forgotten may still call this object while it ends
}

bool Background::add(std::shared_ptr<Activity> activity, Nanoseconds first) noexcept {
    try {
        const MutexLock lock(mutex_);
        if (activities_.size() >= most_activities || (!ended_ && !thread_.started() && !start())) return false;
        activity->when_ = first;
        Activity* key = activity.get();
        activities_.emplace(Key{first, key}, std::move(activity));
        if (first < asleep_until_) ring();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

bool Background::start() {
    try {
        Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
        Bell bell;
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = bell.descriptor();
        if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, bell.descriptor(), &event) != 0) return false;
        epoll_ = std::move(epoll);
        bell_ = std::move(bell);
        thread_.start<&Background::run>(*this, "the background"); // it waits for the lock first
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

void Background::remove(Activity& activity) noexcept {
    Activities::node_type last; // destroyed after the lock is let go: the activity may end with it
    MutexLock lock(mutex_);
    last = activities_.extract({activity.when_, &activity});
    std::erase_if(watched_, [&](const auto& entry) {
        if (entry.second != &activity) return false;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.first, nullptr);
        return true;
    });
    if (!thread_.is_current())
        while (running_ == &activity) changed_.wait(lock);
}

bool Background::at(Activity& activity, Nanoseconds when) noexcept {
    const MutexLock lock(mutex_);
    if (!move(activity, when)) return false;
    if (when < asleep_until_) ring();
    return true;
}

bool Background::move(Activity& activity, Nanoseconds when) noexcept {
    Activities::node_type node = activities_.extract({activity.when_, &activity});
    if (node.empty()) return false;
    activity.when_ = when;
    node.key().first = when;
    activities_.insert(std::move(node));
    return true;
}

int Background::watch(Activity& activity, int fd, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    const MutexLock lock(mutex_);
    // Removed, it is about to end; and after the end nothing is called.
    if (ended_ || !activities_.contains({activity.when_, &activity})) return 0;
    try {
        const auto [entry, fresh] = watched_.try_emplace(fd, &activity);
        if (entry->second != &activity) return EEXIST;
        if (::epoll_ctl(epoll_.get(), fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) == 0) return 0;
        const int error = errno;
        if (fresh) watched_.erase(fd);
        return error;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

void Background::unwatch(int fd) noexcept {
    const MutexLock lock(mutex_);
    if (watched_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Background::end() noexcept {
    const MutexLock lock(mutex_);
    ended_ = true;
    ring();
}

bool Background::stop(Nanoseconds deadline) noexcept {
    end();
    return thread_.join(deadline);
}

void Background::ring() const noexcept {
    if (bell_) bell_->ring();
}

// --- the thread ----------------------------------------------------------------------------------------------------------

void Background::run() noexcept {
    prepare_thread();
    MutexLock lock(mutex_);
    while (!ended_) {
        call_due();
        if (!ended_) wait_and_call_ready();
    }
}

void Background::prepare_thread() const noexcept {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    prepare_thread_for_crash_report();
    set_scheduling(scheduling_);
}

template <class Call>
void Background::call(std::shared_ptr<Activity> activity, Call what) noexcept {
    running_ = activity.get();
    mutex_.unlock();
    what(*activity);
    mutex_.lock();
    running_ = nullptr;
    changed_.notify_all();
    mutex_.unlock();
    activity.reset(); // the last of one that has removed itself
    mutex_.lock();
}

void Background::call_due() noexcept {
    if (activities_.empty() || activities_.begin()->first.first > monotonic_now()) return;
    std::shared_ptr<Activity> activity = activities_.begin()->second;
    move(*activity, never);
    call(std::move(activity), [](Activity& due) { due.due(); });
}

void Background::wait_and_call_ready() noexcept {
    const Nanoseconds next = activities_.empty() ? never : activities_.begin()->first.first;
    int timeout = -1;
    if (next != never) {
        constexpr Nanoseconds most = 3'600'000; // milliseconds
        timeout = static_cast<int>(std::clamp<Nanoseconds>((next - monotonic_now() + 999'999) / 1'000'000, 0, most));
    }
    asleep_until_ = next;
    mutex_.unlock();
    // One event at a time: an activity may close a descriptor that a further event would name.
    epoll_event event{};
    const int count = ::epoll_wait(epoll_.get(), &event, 1, timeout);
    mutex_.lock();
    asleep_until_ = 0;
    if (count <= 0) return;
    if (event.data.fd == bell_->descriptor()) return bell_->acknowledge();
    const auto watcher = watched_.find(event.data.fd);
    if (watcher == watched_.end() || ended_) return;
    const auto entry = activities_.find({watcher->second->when_, watcher->second});
    call(entry->second, [&](Activity& activity) { activity.ready(event.data.fd, event.events); });
}

} // namespace gatehouse::host
