// For n = 1, 2, 3, ... the n-th call of one kind fails, in each thread of the host, until a run has been through in which none
// has: first while the host starts, then while it serves. A host that cannot start says why and ends with status 1; one that
// has started serves. What happens to a session with a fault in it is its own affair: the next one is served, and nothing stays
// open.
//
// scripts/faults runs it.
#include "certificates.hpp"
#include "clients.hpp"
#include "injection.hpp"
#include "proc.hpp"
#include "random_bytes.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

using namespace gatehouse::support;

namespace {

struct Call {
    const char* name;
    const char* error; // one that the kernel does give, and for a reason that is not the host's

    friend std::ostream& operator<<(std::ostream& out, const Call& call) { return out << call.name << ' ' << call.error; }
};

// All that `strace -f -c` sees of the host, at the start and at work; without those that cannot fail or do not return. The test
// Calls.AreAllInTheTable compares.
constexpr std::array calls{
    Call{"accept4", "ENFILE"},
    Call{"access", "EACCES"},
    Call{"bind", "EADDRINUSE"},
    Call{"capget", "EPERM"},
    Call{"chmod", "EPERM"},
    Call{"clone3", "EAGAIN"},
    Call{"close_range", "EINVAL"},
    Call{"connect", "ECONNREFUSED"},
    Call{"dup2", "EMFILE"},
    Call{"epoll_create1", "EMFILE"},
    Call{"epoll_ctl", "ENOMEM"},
    Call{"epoll_wait", "EINTR"},
    Call{"eventfd2", "EMFILE"},
    Call{"faccessat2", "EACCES"},
    Call{"fchmod", "EPERM"},
    Call{"fcntl", "EPERM"},
    Call{"flock", "ENOLCK"},
    Call{"getdents64", "ENOENT"},
    Call{"getrandom", "EINTR"},
    Call{"getsockname", "ENOBUFS"},
    Call{"getsockopt", "ENOBUFS"},
    Call{"inotify_add_watch", "ENOSPC"},
    Call{"inotify_init1", "EMFILE"},
    Call{"ioctl", "ENOTTY"},
    Call{"kill", "EPERM"},
    Call{"listen", "EADDRINUSE"},
    Call{"lseek", "ESPIPE"},
    Call{"madvise", "ENOMEM"},
    Call{"mkdir", "ENOSPC"},
    Call{"mmap", "ENOMEM"},
    Call{"mprotect", "ENOMEM"},
    Call{"newfstatat", "EACCES"},
    Call{"openat", "EMFILE"},
    Call{"openat2", "EMFILE"},
    Call{"pidfd_open", "EMFILE"},
    Call{"pipe2", "EMFILE"},
    Call{"poll", "EINTR"},
    Call{"ppoll", "EINTR"},
    Call{"prctl", "EPERM"},
    Call{"pread64", "EIO"},
    Call{"prlimit64", "EPERM"},
    Call{"read", "EIO"},
    Call{"readlink", "EACCES"},
    Call{"recvfrom", "ENOMEM"},
    Call{"rmdir", "EBUSY"},
    Call{"sched_getaffinity", "EPERM"},
    Call{"sched_setscheduler", "EPERM"},
    Call{"sendfile", "EIO"},
    Call{"sendto", "EPIPE"},
    Call{"sendmsg", "ENOBUFS"},
    Call{"setsockopt", "ENOBUFS"},
    Call{"shutdown", "ENOTCONN"},
    Call{"sigaltstack", "ENOMEM"},
    Call{"signalfd4", "EMFILE"},
    Call{"socket", "ENFILE"},
    Call{"splice", "ENOMEM"},
    Call{"sysinfo", "EPERM"},
    Call{"timerfd_create", "EMFILE"},
    Call{"timerfd_settime", "ECANCELED"},
    Call{"unlink", "EBUSY"},
    Call{"unlinkat", "EBUSY"},
    Call{"wait4", "ECHILD"},
    Call{"writev", "ENOSPC"},
};

// Those that the kernel refuses to nobody who calls them as the host and its libraries do, and those whose failure strace
// cannot imitate: a close() that fails has closed all the same, brk() does not return an error but the old end of the heap, and
// the errors of futex() depend on what it is asked for. munmap(): glibc ends a process in which it cannot free a thread's
// stack. write(): to an eventfd, which is how threads wake each other, it does not fail; a full disk under the log has its own
// tests.
constexpr std::array not_tried{
    "arch_prctl", "brk",          "clock_nanosleep", "close",           "execve",
    "exit",       "exit_group",   "futex",           "getegid",         "geteuid",
    "getgid",     "getpid",       "gettid",          "restart_syscall", "munmap",
    "rseq",       "rt_sigaction", "rt_sigprocmask",  "set_robust_list", "set_tid_address",
    "uname",      "write",
};

// A host with everything, on sockets whose addresses are known before it runs: a log line that says them may be lost.
class World {
  public:
    World() {
        www_.write("index.html", "hello");
        www_.write("large", bulk_);
        certificates_.make("web", {"localhost"});
    }

    // `echo`: further lines of the listener of that name.
    std::string config(std::string_view echo = "") const {
        const auto at = [&](const std::string& name) { return "address = \"" + address(name) + "\"\n"; };
        const std::string port = std::to_string(behind_.port("echo"));
        return "[host]\ndrain_timeout = \"2s\"\ncontrol = \"" + dir_ / "control" + "\"\n" + certificates_.section("web") +
               listener("tcp", "echo") + listener("echo", "echo", at("echo") + std::string(echo)) +
               instance("web", "http", "root = \"" + www_.path().string() + "\"", at("web")) +
               instance("gate", "gateway", "upstream = \"" + behind_.address("echo") + "\"", at("gate")) +
               instance("named", "gateway", "upstream = \"localhost:" + port + "\", health = { interval = \"50ms\" }",
                        at("named")) +
               listener("tls", "web", at("tls") + "tls = \"web\"");
    }
    std::string file() const { return dir_.write("gatehouse.toml", config()); }
    std::string address(const std::string& name) const { return "unix:" + dir_ / name; }

    // One with everything in it. False: something of it has gone wrong.
    bool session() const {
        try {
            Client echo(address("echo"));
            Client web(address("web"));
            Client gate(address("gate"));
            echo.send("echo");
            web.send("GET /large HTTP/1.0\r\n\r\n");
            const std::jthread sender([&] { // while it comes back: who knows what the buffers on the way hold
                try {
                    gate.send(bulk_);
                    gate.finish();
                } catch (const std::runtime_error&) { // the bytes that come back will say so
                }
            });
            echo.finish();
            const bool whole = gate.rest().bytes == bulk_;
            const bool plain = echo.rest().bytes == "echo" && web.rest().bytes.ends_with(bulk_) && whole;
            return run({"curl", "-q", "-sS", "--max-time", "20", "--cacert", certificates_.ca(), "--unix-socket", dir_ / "tls",
                        "https://localhost/"})
                           .out == "hello" &&
                   plain;
        } catch (const std::system_error&) { // one has been closed already, or refused
            return false;
        }
    }

  private:
    const std::string bulk_ = random_bytes(1 << 20, 5); // enough for sendfile() and splice()
    TempDir dir_, www_;
    Certificates certificates_;
    Gatehouse behind_{listener("echo", "echo")};
};

// All that a host at work is asked for. False: something in the session has gone wrong.
bool work(const World& world, const Gatehouse& host) {
    const bool whole = world.session();
    host.signal(SIGHUP);
    run_gatehouse({"control", world.file(), "host", "reload-certificates"});
    return whole;
}

// How many lines of this file contain this.
std::size_t count_lines(const std::string& file, std::string_view part) {
    std::istringstream text(read_file(file));
    std::size_t count = 0;
    for (std::string line; std::getline(text, line);) count += line.find(part) != std::string::npos ? 1 : 0;
    return count;
}

class EveryCall : public testing::TestWithParam<Call> {
  protected:
    void SetUp() override {
        if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    }

    static std::string fault(int n) {
        return std::string(GetParam().name) + ":error=" + GetParam().error + ":when=" + std::to_string(n);
    }

    // A row of the table that scripts/faults shows.
    void TearDown() override {
        if (phase_.empty()) return;
        std::printf("faults: %-8s %-18s %-14s %5d %7d %7d  %s\n", phase_.c_str(), GetParam().name, GetParam().error, last_,
                    served_, other_, HasFailure() ? "FAILED" : "ok");
        std::fflush(stdout); // scripts/faults shows how many there are
    }

    World world_;
    std::string phase_;
    int last_ = 0, served_ = 0, other_ = 0;
};

// A host under strace, as its child. strace lets go of it when it is killed, so the host has to be ended by itself.
class TracedHost {
  public:
    explicit TracedHost(const std::vector<std::string>& argv) : strace_(argv) {}
    ~TracedHost() {
        if (!strace_.ended()) signal(SIGKILL);
    }
    TracedHost(const TracedHost&) = delete;
    TracedHost& operator=(const TracedHost&) = delete;

    void signal(int number) const {
        const std::string pid = std::to_string(strace_.pid());
        std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
        pid_t host = 0;
        if (file >> host) ::kill(host, number);
    }
    bool ended() { return strace_.ended().has_value(); }
    Result wait() { return strace_.wait(); }

  private:
    Process strace_;
};

TEST_P(EveryCall, AtTheStart) {
    phase_ = "start";
    const TempDir dir;
    const std::string trace = dir / "trace";
    const std::string call = GetParam().name;
    // What the dynamic linker does before main() is not the host's, and all that this does is little more.
    run({"strace", "-f", "-qq", "-o", trace, "-e", "trace=" + call, gatehouse_binary(), "--version"});
    const auto before_main = static_cast<int>(count_lines(trace, call + '('));
    bool failed = true;
    for (int n = 1; failed && !HasFailure(); n = next_fault(n)) {
        const std::string now = fault(before_main + n);
        SCOPED_TRACE(now);
        last_ = n;
        TracedHost host({"strace", "-f", "-qq", "-o", trace, "-e", "trace=" + call, "-e", "inject=" + now, gatehouse_binary(),
                         "run", "--plugin-path", plugin_dir(), world_.file()});
        const auto answers = [&] {
            try {
                return Client(world_.address("echo")).echoes("x");
            } catch (const std::system_error&) { // it does not listen yet
                return false;
            }
        };
        eventually("the host serves or ends", [&] { return host.ended() || answers(); });
        const bool served = !host.ended();
        if (served) {
            ++served_;
            int tries = 0; // the fault may come as late as this, and once in each thread of four listeners
            while (!world_.session() && ++tries < 20) {
            }
            EXPECT_LT(tries, 20) << "it does not serve";
            host.signal(SIGTERM);
        }
        const Result result = host.wait();
        if (served) {
            EXPECT_TRUE(result.status == 0 || result.status == 1) << result.status << "\n" << result.err; // it may come as late
        } else {
            ++other_;
            EXPECT_EQ(result.status, 1) << result.err;
            EXPECT_NE(result.err, "");
        }
        failed = count_lines(trace, "(INJECTED)") > 0;
    }
}

TEST_P(EveryCall, WhileServing) {
    phase_ = "serving";
    Gatehouse host(world_.config("threads.keep = \"10ms\"\n")); // threads come and go
    const auto nothing_open = [&](const std::string& when) {
        for (const char* name : {"echo", "web", "gate", "tls"})
            host.wait_for_status(name, "nothing open " + when, [](const Record& now) { return now["open"] == "0"; });
    };
    ASSERT_TRUE(work(world_, host));
    nothing_open("at the beginning");
    const unsigned descriptors_before = descriptors(host.pid());
    std::size_t failed = 1;
    for (int n = 1; failed > 0 && !HasFailure(); n = next_fault(n)) {
        SCOPED_TRACE(fault(n));
        last_ = n;
        {
            Injection injection(host, fault(n));
            ++(work(world_, host) ? served_ : other_);
            injection.detach();
            failed = injection.count();
        }
        ASSERT_TRUE(host.alive()) << host.tail();
        EXPECT_TRUE(world_.session()) << host.tail();
        nothing_open("after it");
    }
    eventually("descriptors are back", [&] { return descriptors(host.pid()) <= descriptors_before + 2; });
    EXPECT_EQ(host.terminate(), 0);
}

TEST(Calls, AreAllInTheTable) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    const World world;
    const TempDir dir;
    {
        Gatehouse host(world.config(), {.wrapper = {"strace", "-f", "-qq", "-c", "-U", "name", "-o", dir / "calls"}});
        EXPECT_TRUE(work(world, host));
    }
    std::istringstream seen(read_file(dir / "calls"));
    std::string missing;
    for (std::string name; seen >> name;) {
        const bool known = std::any_of(calls.begin(), calls.end(), [&](const Call& call) { return call.name == name; }) ||
                           std::find(not_tried.begin(), not_tried.end(), name) != not_tried.end();
        if (!known && name != "syscall" && name != "total" && !name.starts_with('-')) missing += name + ' ';
    }
    EXPECT_EQ(missing, "") << "these are in no table of this file";
}

INSTANTIATE_TEST_SUITE_P(Call, EveryCall, testing::ValuesIn(calls),
                         [](const auto& call) { return std::string(call.param.name); });

} // namespace
