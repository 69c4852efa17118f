// The seccomp filter, asked by a plugin that tries what it denies.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <unistd.h>
#include <utility>

using namespace gatehouse::support;

namespace {

std::string under(std::string_view seccomp) {
    return "[process]\nseccomp = \"" + std::string(seccomp) + "\"\n" + listener("bad", "denied_calls");
}

std::string answer(Client& client, std::string_view call) {
    client.send(call);
    std::string line = client.recv_until("\n");
    line.pop_back();
    return line;
}

TEST(Seccomp, DeniesWhatNoServerNeeds) {
    Gatehouse host(under("on"), with_fixtures());
    host.wait_for_log("seccomp filter installed", {{"denied_calls", "fail"}});
    Client client(host.port("bad"));
    for (const char* call :
         {"execve", "execveat", "ptrace", "process_vm_readv", "mount", "chroot", "unshare", "setns", "init_module", "bpf",
          "userfaultfd", "perf_event_open", "io_uring_setup", "keyctl", "ioctl", "clone"})
        EXPECT_EQ(answer(client, call), "EPERM") << call;
    EXPECT_EQ(answer(client, "clone3"), "ENOSYS");
    EXPECT_EQ(answer(client, "thread"), "ok");
}

// So that the test above shows the filter at work, and not a poor choice of arguments.
TEST(Seccomp, OffDeniesNothing) {
    Gatehouse host(under("off"), with_fixtures());
    Client client(host.port("bad"));
    const std::pair<const char*, const char*> expected[] = {{"execve", "ENOENT"}, {"ptrace", "ESRCH"}, {"unshare", "EINVAL"},
                                                            {"ioctl", "EBADF"},   {"clone", "EINVAL"}, {"thread", "ok"}};
    for (const auto& [call, error] : expected) EXPECT_EQ(answer(client, call), error) << call;
}

TEST(Seccomp, KillEndsTheHost) {
    Gatehouse host(under("kill"), with_fixtures());
    Client client(host.port("bad"));
    EXPECT_EQ(answer(client, "thread"), "ok");
    client.send("execve");
    EXPECT_EQ(client.rest().bytes, "");
    EXPECT_EQ(host.wait_exit(), 128 + SIGSYS);
}

// A plugin's own threads, started in its constructor, were there before the privileges went.
TEST(Privileges, GoFromThreadsThatAPluginHasStarted) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root has something to drop";
    Gatehouse host("[process]\nuser = \"nobody\"\ncapabilities = [\"CAP_NET_RAW\"]\nseccomp = \"on\"\n" +
                       listener("bad", "background_waker"),
                   with_fixtures());
    host.leave_busy(); // the plugin's thread wakes all the time
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(host.pid()) + "/task")) {
        const std::string status = read_file(thread.path() / "status");
        for (const char* line : {"\nUid:\t65534\t65534\t65534\t65534\n", "\nCapPrm:\t0000000000002000\n",
                                 "\nCapEff:\t0000000000002000\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"})
            EXPECT_NE(status.find(line), std::string::npos) << line << status;
    }
    EXPECT_EQ(host.terminate(), 0);
}

} // namespace
