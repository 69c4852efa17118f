#include "process/startup.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <pthread.h>
#include <sys/resource.h>

namespace gatehouse::host {
namespace {

// Status 0 if the process is then as promised.
[[noreturn]] void prepare_and_look() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max / 2;
    ::setrlimit(RLIMIT_NOFILE, &files);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGUSR1);
    prepare_process(signals);

    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    struct sigaction pipe{};
    ::sigaction(SIGPIPE, nullptr, &pipe);
    ::getrlimit(RLIMIT_NOFILE, &files);
    const bool good = ::sigismember(&blocked, SIGUSR1) == 1 && ::sigismember(&blocked, SIGTERM) == 0 &&
                      pipe.sa_handler == SIG_IGN && files.rlim_cur == files.rlim_max;
    std::_Exit(good ? 0 : 1);
}

TEST(Startup, BlocksSignalsAndRaisesTheLimitOfDescriptors) { EXPECT_EXIT(prepare_and_look(), testing::ExitedWithCode(0), ""); }

} // namespace
} // namespace gatehouse::host
