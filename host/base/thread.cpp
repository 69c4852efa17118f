#include "base/thread.hpp"

#include <ctime>
#include <string>
#include <system_error>

namespace gatehouse::host {

void Thread::begin(void* (*call)(void*), void* object, std::string_view whose) {
    const int error = ::pthread_create(&thread_, nullptr, call, object);
    if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start a thread of " + std::string(whose));
    started_ = true;
    ::pthread_getcpuclockid(thread_, &clock_);
}

Nanoseconds Thread::cpu_time() const noexcept {
    timespec spent{};
    if (clock_ == clockid_t{} || ::clock_gettime(clock_, &spent) != 0) return 0; // no thread's clock is 0
    return Nanoseconds{spent.tv_sec} * 1'000'000'000 + spent.tv_nsec;
}

bool Thread::join(Nanoseconds deadline) noexcept {
    if (!started_) return true;
    if (deadline == never) {
        ::pthread_join(thread_, nullptr);
    } else {
        // Only at the very end of the host's life, so a nap is as good as a condition variable here.
        while (::pthread_tryjoin_np(thread_, nullptr) != 0) {
            if (monotonic_now() >= deadline) return false;
            const timespec nap{0, 2'000'000};
            ::nanosleep(&nap, nullptr);
        }
    }
    started_ = false;
    return true;
}

} // namespace gatehouse::host
