// What the host keeps of what it was started with, and that it can still do its work then. The kernel's own word for it is in
// /proc/PID/task/TID/status.
#include "certificates.hpp"
#include "clients.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

namespace fs = std::filesystem;

constexpr unsigned nobody = 65534; // Debian's number of the user nobody and the group nogroup
const std::string no_capabilities = "0000000000000000";

std::string process(const std::string& keys) { return "[process]\n" + keys + "\n"; }

// A port that an ordinary user may not bind, and that nobody has.
std::uint16_t free_low_port() {
    for (unsigned offset = 0; offset < 400; ++offset) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(600 + (static_cast<unsigned>(::getpid()) + offset) % 400));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        if (free) return ntohs(address.sin_port);
    }
    throw std::runtime_error("no low port is free");
}

// The different values that the threads of a process have for this field.
std::set<std::string> of_all_threads(pid_t pid, const std::string& field) {
    std::set<std::string> values;
    for (const fs::directory_entry& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        const std::string status = read_file(thread.path() / "status");
        const std::size_t at = status.find("\n" + field + ":\t");
        if (at == std::string::npos) continue; // it has ended
        const std::size_t begin = at + field.size() + 3;
        values.insert(status.substr(begin, status.find('\n', begin) - begin));
    }
    return values;
}

using Values = std::set<std::string>;

void expect_account(pid_t pid, const std::string& user, const std::string& group, const std::string& capabilities) {
    EXPECT_EQ(of_all_threads(pid, "Uid"), Values{user + '\t' + user + '\t' + user + '\t' + user});
    EXPECT_EQ(of_all_threads(pid, "Gid"), Values{group + '\t' + group + '\t' + group + '\t' + group});
    EXPECT_EQ(of_all_threads(pid, "CapPrm"), Values{capabilities});
    EXPECT_EQ(of_all_threads(pid, "CapEff"), Values{capabilities});
    EXPECT_EQ(of_all_threads(pid, "CapInh"), Values{no_capabilities});
    EXPECT_EQ(of_all_threads(pid, "CapAmb"), Values{no_capabilities});
}

class Privileges : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root has something to drop";
        if (sanitizer() == "thread") GTEST_SKIP() << "the thread sanitizer has a thread of its own that runs no signal handler";
    }
};

// The sanitizers' hosts look for leaks with ptrace() at their end, which the filter denies.
std::string as_nobody_under_seccomp() {
    return process(std::string("user = \"nobody\"\n") + (sanitizer().empty() ? "seccomp = \"kill\"" : ""));
}

// Runs the host as nobody, with these capabilities and no others ("+net_bind_service", or "-all").
std::vector<std::string> as_nobody(const std::string& capabilities) {
    return {"setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=" + capabilities,
            "--ambient-caps=" + capabilities};
}

bool nobody_reaches(const std::string& file) {
    std::vector<std::string> command = as_nobody("-all");
    command.insert(command.end(), {"test", "-r", file});
    return run(command).status == 0;
}

// Runs `gatehouse run` to its end, which is expected to be soon.
Result refused_start(const TempDir& dir, const std::string& config, std::vector<std::string> wrapper = {}) {
    ::chmod(dir.path().c_str(), 0755);
    wrapper.insert(wrapper.end(), {gatehouse_binary(), "run", "--plugin-path", plugin_dir(), dir.write("conf.toml", config)});
    return run(wrapper);
}

TEST_F(Privileges, EveryThreadChangesToTheUserAndKeepsNoCapability) {
    const std::string address = "127.0.0.1:" + std::to_string(free_low_port());
    Gatehouse host(process("user = \"nobody\"") + listener("echo", "echo", "address = \"" + address + "\""));
    EXPECT_TRUE(Client(address).echoes("hello"));
    expect_account(host.pid(), "65534", "65534", no_capabilities);
    EXPECT_EQ(of_all_threads(host.pid(), "NoNewPrivs"), Values{"1"});
    EXPECT_EQ(of_all_threads(host.pid(), "Groups"), Values{"65534 "});
    const Record dropped = host.wait_for_log("privileges dropped");
    EXPECT_EQ(dropped["user"], "65534");
    EXPECT_EQ(dropped["capabilities"], "none");
    EXPECT_EQ(host.terminate(), 0);
}

// What the host has given up the keeper still has: the new process starts as this one did.
TEST_F(Privileges, AnUpgradeWorksAfterTheDropAndUnderSeccomp) {
    const std::string address = "127.0.0.1:" + std::to_string(free_low_port());
    Gatehouse host("[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"2s\"\n" + as_nobody_under_seccomp() +
                   listener("echo", "echo", "address = \"" + address + "\""));
    const std::string socket = host.dir() / "control.sock";
    const Result result = run_gatehouse({"upgrade", "--socket", socket, "--guard", "0", "--json"});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(host.wait_exit(), 0);
    const auto pid = static_cast<pid_t>(host.wait_for_log("upgrade", {{"result", "handed over"}}).number("pid"));
    EXPECT_TRUE(Client(address).echoes("hello"));
    expect_account(pid, "65534", "65534", no_capabilities);
    EXPECT_EQ(of_all_threads(pid, "Seccomp"), Values{sanitizer().empty() ? "2" : "0"});
    ASSERT_EQ(::kill(pid, SIGTERM), 0);
    eventually("it ends", [&] { return refused(address); });
}

// The keeper binds what the configuration names, and has named.
TEST_F(Privileges, AReloadBindsLowPortsAfterTheDrop) {
    const auto at = [](std::uint16_t port) { return "address = \"127.0.0.1:" + std::to_string(port) + "\""; };
    const std::uint16_t low = free_low_port();
    const std::string base = as_nobody_under_seccomp() + listener("echo", "echo");
    Gatehouse host("[host]\ncontrol = \"control.sock\"\n" + base);
    const auto with_control = [&](const std::string& more) { return "[host]\ncontrol = \"control.sock\"\n" + base + more; };
    ::chmod(host.dir().path().c_str(), 0755); // the user must be able to read the file
    const Record done = host.reload(with_control(listener("low", "echo", at(low))));
    EXPECT_EQ(done["result"], "applied") << done.line;
    EXPECT_TRUE(Client(low).echoes("hello"));
    EXPECT_EQ(host.reload(with_control(""))["result"], "applied");
    EXPECT_TRUE(refused("127.0.0.1:" + std::to_string(low)));
    const Result back = run_gatehouse({"rollback", "2", "--socket", host.dir() / "control.sock"});
    EXPECT_EQ(back.status, 0) << back.err;
    EXPECT_TRUE(Client(low).echoes("hello"));
}

TEST_F(Privileges, CapabilitiesAreKeptInEveryThread) {
    Gatehouse host(process("user = \"nobody\"\ngroup = \"daemon\"\ncapabilities = [\"CAP_NET_RAW\", \"CAP_SYS_NICE\"]") +
                   listener("echo", "echo"));
    EXPECT_TRUE(Client(host.address("echo")).echoes("hello"));
    expect_account(host.pid(), "65534", "1", "0000000000802000");
    EXPECT_EQ(host.wait_for_log("privileges dropped")["capabilities"], "CAP_NET_RAW, CAP_SYS_NICE");
    EXPECT_EQ(host.terminate(), 0);
}

TEST_F(Privileges, SupplementaryGroupsAreThoseOfTheUser) {
    Gatehouse host(process("user = \"" + std::string(::getpwnam("postgres") != nullptr ? "postgres" : "nobody") + "\"") +
                   listener("echo", "echo"));
    const passwd* account = ::getpwnam("postgres");
    const std::string listed = run({"id", "-G", account != nullptr ? "postgres" : "nobody"}).out;
    std::set<unsigned> expected;
    std::istringstream words(listed);
    for (unsigned group = 0; words >> group;) expected.insert(group);
    std::string text;
    for (const unsigned group : expected) text += std::to_string(group) + ' ';
    EXPECT_EQ(of_all_threads(host.pid(), "Groups"), Values{text});
}

TEST_F(Privileges, RootWithoutAUserStaysAsItIsAndIsWarnedOf) {
    Gatehouse host(listener("echo", "echo"));
    EXPECT_EQ(host.wait_for_log("running as root; name a user in [process], to whom the host changes once its sockets are open")
                  .level(),
              "warning");
    EXPECT_EQ(of_all_threads(host.pid(), "Uid"), Values{"0\t0\t0\t0"});
    EXPECT_EQ(of_all_threads(host.pid(), "NoNewPrivs"), Values{"1"});
}

TEST_F(Privileges, NoNewPrivsCanBeLeftOut) {
    Gatehouse host(process("no_new_privs = false") + listener("echo", "echo"));
    EXPECT_EQ(of_all_threads(host.pid(), "NoNewPrivs"), Values{"0"});
}

// As under systemd, with User= and AmbientCapabilities=.
TEST_F(Privileges, WhatAnOrdinaryUserWasGivenForTheBindIsDropped) {
    if (!nobody_reaches(gatehouse_binary())) GTEST_SKIP() << "the user nobody cannot reach " << gatehouse_binary();
    const std::string address = "127.0.0.1:" + std::to_string(free_low_port());
    const TempDir dir;
    ::chmod(dir.path().c_str(), 0755);
    const std::string config = dir.write("conf.toml", process("user = \"nobody\"") + "[log]\nformat = \"json\"\n" +
                                                          listener("echo", "echo", "address = \"" + address + "\""));
    std::vector<std::string> command = as_nobody("+net_bind_service");
    command.insert(command.end(), {gatehouse_binary(), "run", "--plugin-path", plugin_dir(), config});
    Process host(command);
    ASSERT_TRUE(host.wait_output([](const std::string&, const std::string& err) {
        return err.find("\"ready\"") != std::string::npos;
    })) << host.err();
    EXPECT_TRUE(Client(address).echoes("hello"));
    expect_account(host.pid(), "65534", "65534", no_capabilities);
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait().status, 0);
}

TEST_F(Privileges, AnOrdinaryUserCannotBecomeAnother) {
    if (!nobody_reaches(gatehouse_binary())) GTEST_SKIP() << "the user nobody cannot reach " << gatehouse_binary();
    const TempDir dir;
    const Result result = refused_start(dir, process("user = \"daemon\"") + listener("echo", "echo"), as_nobody("-all"));
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("gatehouse: " + dir / "conf.toml" +
                              ":2:8: process.user: cannot change to daemon: Operation not permitted; start Gatehouse as root, "
                              "or leave it out\n"),
              std::string::npos)
        << result.err;
}

TEST_F(Privileges, ACapabilityThatIsNotThereCannotBeKept) {
    if (!nobody_reaches(gatehouse_binary())) GTEST_SKIP() << "the user nobody cannot reach " << gatehouse_binary();
    const TempDir dir;
    const Result result =
        refused_start(dir, process("capabilities = [\"CAP_NET_RAW\"]") + listener("echo", "echo"), as_nobody("-all"));
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(
        result.err.find("gatehouse: " + dir / "conf.toml" +
                        ":2:16: process.capabilities: this process does not have CAP_NET_RAW; start Gatehouse as root, or "
                        "leave it out\n"),
        std::string::npos)
        << result.err;
}

TEST(PrivilegesOfNobody, AnUnknownUserOrGroupIsNamedWithItsPlace) {
    const TempDir dir;
    const std::string place = "gatehouse: " + dir / "conf.toml";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"user = \"no-such-user\"",
         ":2:8: process.user: there is no user \"no-such-user\" on this machine; create it (useradd --system no-such-user), or "
         "leave it out\n"},
        {"group = \"no-such-group\"", ":2:9: process.group: there is no group \"no-such-group\" on this machine; create it "
                                      "(groupadd --system no-such-group), "
                                      "or leave it out\n"},
        {"user = \"1234567\"",
         ":2:8: process.user: user 1234567 is not in the user database, which would say its group; set group too\n"}};
    for (const auto& [keys, message] : cases) {
        const std::string config = dir.write("conf.toml", process(keys) + listener("echo", "echo"));
        for (const std::string command : {"run", "check"}) {
            const Result result = run_gatehouse({command, "--plugin-path", plugin_dir(), config});
            EXPECT_EQ(result.status, 1);
            EXPECT_EQ(result.err, place + message);
        }
    }
}

// Everything that is done by the user but was made by root: the log after SIGUSR2, the socket file and the private copies at
// the end. And then once more.
TEST_F(Privileges, LogSocketAndPrivateCopiesAreTheUsers) {
    const TempDir dir;
    for (const char* folder : {"log", "run", "tmp"}) {
        fs::create_directory(dir / folder);
        ASSERT_EQ(::chown((dir / folder).c_str(), nobody, nobody), 0);
    }
    ::chmod(dir.path().c_str(), 0711);
    const std::string log = dir / "log/gatehouse.log";
    const std::string moved = log + ".1";
    const std::string socket = dir / "run/echo.sock";
    const std::string config = dir.write("conf.toml", process("user = \"nobody\"") + "[log]\nfile = \"" + log + "\"\n" +
                                                          listener("echo", "echo", "address = \"unix:" + socket + "\""));
    for (int round = 0; round < 2; ++round) {
        Process host({gatehouse_binary(), "run", "--plugin-path", plugin_dir(), config},
                     {.environment = {"TMPDIR=" + (dir / "tmp")}});
        eventually("ready in the log file", [&] { return read_file(log).find("\"ready\"") != std::string::npos; });
        EXPECT_FALSE(fs::is_empty(dir / "tmp"));
        EXPECT_TRUE(Client("unix:" + socket).echoes("hello"));
        fs::rename(log, moved);
        host.signal(SIGUSR2);
        eventually("the new log file", [&] { return read_file(log).find("log file reopened") != std::string::npos; });
        host.signal(SIGTERM);
        EXPECT_EQ(host.wait().status, 0) << host.err();
        EXPECT_EQ(read_file(moved).find("\"level\":\"warning\""), std::string::npos) << read_file(moved);
        EXPECT_NE(read_file(log).find("\"stopped\""), std::string::npos);
        EXPECT_FALSE(fs::exists(socket));
        EXPECT_TRUE(fs::is_empty(dir / "tmp"));
        fs::remove(log);
    }
}

TEST_F(Privileges, WhatTheUserWillNotBeAbleToDoIsSaidAtTheStart) {
    const TempDir dir;
    ::chmod(dir.path().c_str(), 0700);
    const std::string socket = dir / "echo.sock";
    Gatehouse host(process("user = \"nobody\"") + listener("echo", "echo", "address = \"unix:" + socket + "\""));
    EXPECT_EQ(host.wait_for_log("the socket file will stay behind; give its folder to the user of [process], or choose another "
                                "folder")["path"],
              socket);
    EXPECT_EQ(host.terminate(), 0);
    EXPECT_TRUE(fs::exists(socket));
}

// The host reads certificates as root, and loads renewed ones as the user.
TEST_F(Privileges, WhatTheUserCannotReadIsSaidByCheckAndAtTheStart) {
    const Certificates certificates;
    certificates.make("web", {"localhost"});
    ::chmod(certificates.dir().path().c_str(), 0711);
    const std::string key = certificates / "web.key";
    ASSERT_EQ(::chmod(key.c_str(), 0400), 0);
    const std::string config =
        process("user = \"nobody\"") + certificates.section("web") + listener("echo", "echo", "tls = \"web\"");
    const TempDir dir;
    const std::vector<std::string> check{"check", "--plugin-path", plugin_dir(), dir.write("conf.toml", config)};
    const Result refused = run_gatehouse(check);
    EXPECT_EQ(refused.status, 1);
    EXPECT_EQ(refused.err,
              "gatehouse: " + dir / "conf.toml" + ":5:7: tls.web.key: " + key +
                  ": Permission denied; a renewed one could not be loaded by the user of [process] (expected files "
                  "that it may read)\n");
    {
        Gatehouse host(config);
        const Record warning =
            host.wait_for_log("a renewed certificate cannot be loaded; the user of [process] must be able to read its files");
        EXPECT_NE(warning["problem"].find("tls.web.key: " + key + ": Permission denied"), std::string::npos) << warning.line;
    }
    ASSERT_EQ(::chown(key.c_str(), nobody, nobody), 0);
    EXPECT_EQ(run_gatehouse(check).status, 0);
}

TEST_F(Privileges, CheckMakesThePluginsOnceMoreAsTheUser) {
    const TempDir dir;
    const std::string users = dir.write("users", "");
    run({"sh", "-c", "openssl passwd -6 secret | sed 's/^/alice:/' > " + users});
    ::chmod(users.c_str(), 0600);
    ::chmod(dir.path().c_str(), 0711);
    const std::string config =
        dir.write("conf.toml", process("user = \"nobody\"") + instance("socks", "socks5", "users_file = \"" + users + "\""));
    const std::vector<std::string> check{"check", "--plugin-path", plugin_dir(), config};
    const Result refused = run_gatehouse(check);
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(refused.err.starts_with("gatehouse: as the user of [process]: " + config)) << refused.err;
    EXPECT_NE(refused.err.find(users + ": cannot be opened: Permission denied\n"), std::string::npos) << refused.err;
    ASSERT_EQ(::chown(users.c_str(), nobody, nobody), 0);
    const Result good = run_gatehouse(check);
    EXPECT_EQ(good.status, 0) << good.err;
}

TEST_F(Privileges, ALogFileThatWasThereKeepsItsOwner) {
    const TempDir dir;
    ::chmod(dir.path().c_str(), 0711);
    const std::string log = dir.write("gatehouse.log", "");
    ::chmod(log.c_str(), 0600);
    const std::string config =
        dir.write("conf.toml", process("user = \"nobody\"") + "[log]\nfile = \"" + log + "\"\n" + listener("echo", "echo"));
    Process host({gatehouse_binary(), "run", "--plugin-path", plugin_dir(), config});
    eventually("ready in the log file", [&] { return read_file(log).find("\"ready\"") != std::string::npos; });
    host.signal(SIGTERM);
    EXPECT_EQ(host.wait().status, 0) << host.err();
    struct stat info{};
    ASSERT_EQ(::stat(log.c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 0U);
    EXPECT_NE(read_file(log).find("\"message\":\"the log file cannot be opened again after SIGUSR2; give it to the user of "
                                  "[process]\",\"path\":\"" +
                                  log + "\",\"error\":\"Permission denied\""),
              std::string::npos)
        << read_file(log);
}

} // namespace
