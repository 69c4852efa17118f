#include "threads/stop_signals.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

Descriptor open_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    Descriptor signals(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals) throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
    return signals;
}

} // namespace

StopSignals::StopSignals(Patience patience, Leave leave)
    : patience_(patience.first), second_patience_(patience.second), leave_(std::move(leave)), signals_(open_signals()) {
    thread_.start<&StopSignals::run>(*this, "the stop signals");
}

StopSignals::~StopSignals() {
    end_.ring();
    thread_.join(never); // it only waits for these signals
}

unsigned StopSignals::count() const noexcept {
    heard_.acknowledge();
    return count_.load();
}

void StopSignals::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "signals");
    Nanoseconds until = never;
    for (;;) {
        const Nanoseconds left = until == never ? 0 : std::max<Nanoseconds>(until - monotonic_now(), 0);
        const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
        std::array<pollfd, 2> waiting{{{signals_.get(), POLLIN, 0}, {end_.descriptor(), POLLIN, 0}}};
        ::ppoll(waiting.data(), waiting.size(), until == never ? nullptr : &timeout, nullptr);
        if (waiting[1].revents != 0) return;
        if (monotonic_now() >= until) return leave_(count_.load() > 1 ? 1 : 0);
        signalfd_siginfo signal{};
        while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
            const bool first = count_.load() == 0;
            if (first) first_.store(static_cast<int>(signal.ssi_signo));
            until = std::min(until, plus(monotonic_now(), first ? patience_.load() : second_patience_));
            count_.fetch_add(1);
            heard_.ring();
        }
    }
}

} // namespace gatehouse::host
