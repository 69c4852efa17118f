// Something fails while the host starts, whatever it is: the host says what and ends with status 1 before it has taken a
// client, or it can do without and serves. In both cases nothing crashes, and SIGTERM is heard.
#include "certificates.hpp"
#include "clients.hpp"
#include "injection.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

// A bit of everything that a start has to make: threads of pools, relays and the background, sockets of each kind, watches.
std::string everything(const TempDir& dir, const Certificates& certificates) {
    certificates.make("web", {"localhost"});
    return "[host]\nrelay_threads = 2\ndrain_timeout = \"2s\"\ncontrol = \"" + dir / "control" + "\"\n" +
           "[log]\nlevel = \"debug\"\n" + certificates.section("web") + listener("one", "echo", "threads.min = 1") +
           listener("two", "echo", "tls = \"web\"\nthreads.min = 1") +
           listener("three", "echo", "address = \"unix:" + dir / "three" + "\"\nthreads.min = 2") + listener("cold", "echo") +
           gateway_to("127.0.0.1:1", "health = { interval = \"1s\" }", "threads.min = 1");
}

bool is_ready(const std::string& err) { return err.find("\"message\":\"ready\"") != std::string::npos; }

// What is said of the record after "KEY":.
std::string after(const std::string& text, const std::string& key) {
    const std::size_t at = text.find(key);
    return at == std::string::npos
               ? ""
               : text.substr(at + key.size(), text.find_first_of(",}\n\"", at + key.size()) - at - key.size());
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

// Runs `gatehouse run` under this wrapper, up to its end. Returns what it has said.
std::string start(const std::vector<std::string>& wrapper, const TempDir& dir, bool may_have_listened) {
    std::vector<std::string> command = wrapper;
    command.insert(command.end(), {gatehouse_binary(), "run", "--plugin-path", plugin_dir(), dir / "conf.toml"});
    Process host(command);
    if (host.wait_output([](const std::string&, const std::string& err) { return is_ready(err); })) {
        const std::string err = host.err();
        const auto pid = static_cast<pid_t>(std::stol(after(err, "\"pid\":")));
        const std::string address = after(err, "\"listener\":\"one\",\"address\":\"");
        // The first connections may meet the failure as well: it is one for each thread.
        eventually("echo", [&] {
            try {
                Client client(address);
                return client.echoes("hello");
            } catch (const std::runtime_error&) {
                return false;
            }
        });
        ::kill(pid, SIGTERM);
        EXPECT_EQ(host.wait().status, 0) << host.err();
        return host.err();
    }
    const Result result = host.wait();
    EXPECT_EQ(result.status, 1) << result.err;
    const std::string said = after("\n" + result.err, "\ngatehouse: ");
    EXPECT_GE(said.size(), 10U) << result.err;
    EXPECT_EQ(result.err.find("terminate called"), std::string::npos) << result.err;
    // The control socket listens first: its questions wait for the host as a whole.
    const std::string listened = "\",\"step\":\"listen ";
    if (!may_have_listened) {
        EXPECT_EQ(count(result.err, listened), count(result.err, "\"control" + listened)) << result.err;
    }
    EXPECT_FALSE(std::filesystem::exists(dir / "three"));
    EXPECT_FALSE(std::filesystem::exists(dir / "control"));
    return result.err;
}

class StartFault : public testing::TestWithParam<const char*> {};

// For n = 1, 2, 4, ...: the n-th call fails, until there are not so many. scripts/faults tries every n.
TEST_P(StartFault, IsSaidOrDoneWithout) {
    if (const std::string why = Injection::impossible(); !why.empty()) GTEST_SKIP() << why;
    const std::string what = GetParam();
    const std::string call = what.substr(0, what.find(':'));
    const TempDir dir;
    const Certificates certificates;
    dir.write("conf.toml", everything(dir, certificates));
    const std::string trace = dir / "trace";
    constexpr int most = 60;
    for (int n = 1; n <= most; n = next_fault(n)) {
        SCOPED_TRACE(what + ", call " + std::to_string(n));
        start(
            {"strace", "-f", "-qq", "-o", trace, "-e", "trace=" + call, "-e", "inject=" + what + ":when=" + std::to_string(n)},
            dir, call == "listen");
        if (HasFailure()) return;
        if (read_file(trace).find("(INJECTED)") == std::string::npos) return;
    }
    FAIL() << "more than " << most << " calls";
}

INSTANTIATE_TEST_SUITE_P(Call, StartFault,
                         testing::Values("epoll_create1:error=EMFILE", "epoll_ctl:error=ENOSPC", "eventfd2:error=EMFILE",
                                         "clone,clone3:error=EAGAIN", "socket:error=EMFILE", "bind:error=EADDRINUSE",
                                         "listen:error=EADDRINUSE", "signalfd4:error=EMFILE", "timerfd_create:error=EMFILE",
                                         "inotify_init1:error=EMFILE", "inotify_add_watch:error=ENOSPC", "pipe2:error=EMFILE",
                                         "mkdir,mkdirat:error=ENOSPC", "setsockopt:error=EINVAL", "getsockname:error=ENOBUFS",
                                         "chmod,fchmodat:error=EPERM", "flock:error=ENOLCK"),
                         [](const auto& call) {
                             const std::string text = call.param;
                             return text.substr(0, text.find_first_of(",:"));
                         });

// A user of the test's own may have so many threads and processes, and no more.
TEST(StartFault, ThreadsAreShort) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become a user that has no threads yet";
    const TempDir dir;
    ::chmod(dir.path().c_str(), 0777);
    const Certificates certificates;
    dir.write("conf.toml", everything(dir, certificates));
    ::chmod(certificates.dir().path().c_str(), 0755);
    ::chmod((certificates / "web.key").c_str(), 0644);
    const std::string user = std::to_string(1'000'000 + ::getpid());
    std::vector<std::string> wrapper{"setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups"};
    std::vector<std::string> look = wrapper;
    look.insert(look.end(), {"test", "-r", gatehouse_binary()});
    if (run(look).status != 0) GTEST_SKIP() << "an ordinary user cannot reach " << gatehouse_binary();
    bool refused = false;
    bool served = false;
    for (int most = 1; !served && most < 40; ++most) {
        SCOPED_TRACE(std::to_string(most) + " threads");
        std::vector<std::string> limited = wrapper;
        limited.insert(limited.end(), {"prlimit", "--nproc=" + std::to_string(most)});
        served = is_ready(start(limited, dir, false));
        refused = refused || !served;
        if (HasFailure()) return;
    }
    EXPECT_TRUE(served);
    EXPECT_TRUE(refused);
}

} // namespace
