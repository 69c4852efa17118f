// A thread that nobody has to wait for without end.
#pragma once

#include "base/clock.hpp"

#include <ctime>
#include <pthread.h>
#include <string_view>

namespace gatehouse::host {

class Thread {
  public:
    Thread() noexcept = default;
    ~Thread() { join(never); }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    // Runs `object.*run`, which returns before the object goes. Throws std::system_error, which says whose thread it is. Once.
    // [main]
    template <auto run, class Object>
    void start(Object& object, std::string_view whose) {
        begin(
            [](void* it) -> void* {
                (static_cast<Object*>(it)->*run)();
                return nullptr;
            },
            &object, whose);
    }

    bool started() const noexcept { return started_; }
    // Whether the caller is this thread.
    bool is_current() const noexcept { return started_ && ::pthread_equal(thread_, ::pthread_self()) != 0; }

    // For how long it has computed so far; 0: it has ended, or has never begun. [any]
    Nanoseconds cpu_time() const noexcept;

    // Waits until it has ended, or has never begun; false if it runs at `deadline`. [main]
    bool join(Nanoseconds deadline) noexcept;

  private:
    void begin(void* (*call)(void*), void* object, std::string_view whose);

    pthread_t thread_{};
    clockid_t clock_{}; // its own
    bool started_ = false;
};

} // namespace gatehouse::host
