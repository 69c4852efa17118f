// What goes on without a connection, such as health checks and discovery, on one thread that waits for times and descriptors.
// The host has one for what is its own; each plugin instance has one for the callbacks of its timers and descriptors.
//
// The thread is started with the first activity, so where there is none it does not exist, and it sleeps until something is
// due. Nothing but activities runs on it, one at a time, and no lock is held while one does. What an activity calls back must
// not block: all others wait for it.
#pragma once

#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/mutex.hpp"
#include "base/scheduling.hpp"
#include "base/thread.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace gatehouse::host {

class Activity {
  public:
    Activity() = default;
    virtual ~Activity() = default;
    Activity(const Activity&) = delete;
    Activity& operator=(const Activity&) = delete;

  private:
    friend class Background;

    // [background] The time that was set with Background::at() has come.
    virtual void due() noexcept = 0;
    // [background] A descriptor that it watches is ready; `events` are epoll's. May come in vain.
    virtual void ready(int fd, std::uint32_t events) noexcept = 0;

    Nanoseconds when_ = never; // guarded by Background::mutex_; half of its key there
};

class Background {
  public:
    static constexpr std::size_t most_activities = 8192;

    // `name`: the thread's.
    explicit Background(Scheduling scheduling, std::string name = "background") noexcept
        : scheduling_(scheduling), name_(std::move(name)) {}
    ~Background(); // waits for the thread

    // Takes an activity on and calls due() at `first`; starts the thread if there is none. False: no memory, thread or
    // descriptor for it, or too many activities. [any]
    bool add(std::shared_ptr<Activity> activity, Nanoseconds first) noexcept;

    // Lets go of an activity and of all that it watches: when this returns, it does not run and will not, unless it is the one
    // that calls this. Otherwise waits for it, so the caller holds no lock that it takes. [any]
    void remove(Activity& activity) noexcept;

    // due() is called then, and not at the time that was set before; `never` is possible. False: it has been removed. [any]
    bool at(Activity& activity, Nanoseconds when) noexcept;

    // Watches a descriptor, level-triggered, for `events`; again, to watch for others. 0 or an errno: EEXIST if another
    // activity watches it. An event that came before may still be told. [any]
    int watch(Activity& activity, int fd, std::uint32_t events) noexcept;
    // To be called before the descriptor is closed, by the activity that watches it. [any]
    void unwatch(int fd) noexcept;

    // From now on the thread calls no activity any more; further ones may be added and rest. Does not wait. [any]
    void end() noexcept;
    // The same, and joins the thread; false if it is still in an activity at `deadline`. [main]
    bool stop(Nanoseconds deadline) noexcept;

    Scheduling scheduling() const noexcept { return scheduling_; }

  private:
    using Key = std::pair<Nanoseconds, Activity*>;
    using Activities = std::map<Key, std::shared_ptr<Activity>>;

    bool start() GATEHOUSE_REQUIRES(mutex_);
    void run() noexcept;
    void prepare_thread() const noexcept;
    bool move(Activity& activity, Nanoseconds when) noexcept GATEHOUSE_REQUIRES(mutex_);
    // These three unlock mutex_ while they call or wait.
    template <class Call>
    void call(std::shared_ptr<Activity> activity, Call what) noexcept GATEHOUSE_REQUIRES(mutex_);
    void call_due() noexcept GATEHOUSE_REQUIRES(mutex_);
    void wait_and_call_ready() noexcept GATEHOUSE_REQUIRES(mutex_);
    void ring() const noexcept GATEHOUSE_REQUIRES(mutex_);

    const Scheduling scheduling_; // constant after construction, as is the next one
    const std::string name_;

    Mutex mutex_;
    ConditionVariable changed_; // running_
    // By the time they are due: each has one entry, which only moves, so that at() cannot fail.
    Activities activities_ GATEHOUSE_GUARDED_BY(mutex_);
    std::unordered_map<int, Activity*> watched_ GATEHOUSE_GUARDED_BY(mutex_); // by descriptor
    const Activity* running_ GATEHOUSE_GUARDED_BY(mutex_) = nullptr;
    Nanoseconds asleep_until_ GATEHOUSE_GUARDED_BY(mutex_) = 0; // a caller that wants something earlier rings; 0: awake
    bool ended_ GATEHOUSE_GUARDED_BY(mutex_) = false;
    std::optional<Bell> bell_ GATEHOUSE_GUARDED_BY(mutex_);
    Descriptor epoll_; // constant once the thread has been started
    Thread thread_;    // joined by [main] alone; start() needs mutex_
};

} // namespace gatehouse::host
