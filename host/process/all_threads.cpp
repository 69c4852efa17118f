#include "process/all_threads.hpp"

#include "base/clock.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

constexpr Nanoseconds patience = 5'000'000'000;

// glibc's SIGSETXID, with which set*id() reaches all threads. Its sigaction() and pthread_sigmask() leave it alone.
constexpr int signal_for_all = 33;

// A signal's disposition as the kernel has it: the layout is its own, and differs between machines.
using Disposition = std::array<unsigned long, 16>;
constexpr std::size_t kernel_set_size = 8; // bytes of its sigset_t

void set_disposition(int signal, const Disposition* next, Disposition* before) {
    if (::syscall(SYS_rt_sigaction, signal, next, before, kernel_set_size) != 0)
        throw std::system_error(errno, std::generic_category(), "rt_sigaction");
}

struct Order {
    std::atomic<pid_t> thread{0}; // the thread whose turn it is; 0: none
    ThreadAction action = nullptr;
    const void* argument = nullptr;
    int result = 0;
};
Order current_order; // for the signal handler; in_every_thread() is [main]

void obey(int /*signal*/) {
    const int saved = errno;
    if (current_order.thread.load() == ::gettid()) {
        current_order.result = current_order.action(current_order.argument);
        current_order.thread.store(0);
    }
    errno = saved;
}

bool is_there(pid_t thread) { return ::syscall(SYS_tgkill, ::getpid(), thread, 0) == 0; }

std::string name_of(pid_t thread) {
    std::string name;
    std::getline(std::ifstream("/proc/self/task/" + std::to_string(thread) + "/comm"), name);
    return name;
}

// Returns the action's result; 0 if the thread has ended meanwhile.
int command(pid_t thread) {
    current_order.result = 0;
    current_order.thread.store(thread);
    if (::syscall(SYS_tgkill, ::getpid(), thread, signal_for_all) != 0) return 0;
    for (const Nanoseconds deadline = monotonic_now() + patience; current_order.thread.load() != 0; ::usleep(100)) {
        if (!is_there(thread)) return 0;
        if (monotonic_now() < deadline) continue;
        current_order.thread.store(0);
        throw std::runtime_error("the thread \"" + name_of(thread) + "\" does not answer to signal " +
                                 std::to_string(signal_for_all));
    }
    return current_order.result;
}

} // namespace

void in_every_thread(ThreadAction action, const void* argument) {
    const auto check = [](int error) {
        if (error != 0) throw std::system_error(error, std::generic_category());
    };
    check(action(argument));
    current_order.action = action;
    current_order.argument = argument;
    // libc makes the disposition of another signal, which is then copied as the kernel has it.
    struct sigaction ours{};
    struct sigaction borrowed{};
    ours.sa_handler = obey;
    ours.sa_flags = SA_RESTART;
    Disposition disposition{};
    Disposition before{};
    ::sigaction(SIGRTMAX, &ours, &borrowed);
    set_disposition(SIGRTMAX, nullptr, &disposition);
    ::sigaction(SIGRTMAX, &borrowed, nullptr);
    set_disposition(signal_for_all, &disposition, &before);
    std::set<pid_t> told{::gettid()};
    for (bool more = true; more;) {
        more = false;
        for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/task")) {
            const std::string number = entry.path().filename().string();
            pid_t thread = 0;
            std::from_chars(number.data(), number.data() + number.size(), thread);
            if (!told.insert(thread).second) continue;
            check(command(thread));
            more = true;
        }
    }
    set_disposition(signal_for_all, &before, nullptr); // not after a failure: the signal may still be on its way
}

} // namespace gatehouse::host
