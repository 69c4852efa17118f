// `gatehouse drain --listener`: one listener takes no newcomers, and its connections end, while the host goes on.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "relayed.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

const std::string drain_host_section = "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"2s\"\n";

Result told(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
    return run_gatehouse(std::move(words));
}

std::string said_of(const Gatehouse& host, std::vector<std::string> words) {
    const Result result = told(host, std::move(words));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

std::string state_of(const Gatehouse& host, const std::string& listener) {
    const std::string status = said_of(host, {"status", listener, "--json"});
    const std::size_t at = status.find("\"state\":", status.find("\"listeners\"")) + 9;
    return status.substr(at, status.find('"', at) - at);
}

TEST(ListenerDrain, EndsItsConnectionsAndTakesNoNewcomersUntilItIsCancelled) {
    Gatehouse host(drain_host_section + listener("web", "echo") + listener("mail", "echo"));
    Client silent(host.port("web"));
    Client parked(host.port("web"));
    Client mail(host.port("mail"));
    ASSERT_TRUE(parked.echoes("x"));
    ASSERT_TRUE(mail.echoes("x"));
    host.wait_for_status("web", "both in", [](const Record& now) { return now["parked"] == "2"; });
    const std::string answer = said_of(host, {"drain", "--listener", "web", "--timeout", "5m", "--reason", "new disks"});
    EXPECT_TRUE(std::regex_match(answer, std::regex("web accepts no newcomers until it is removed; [0-2] connections have 5m "
                                                    "to end \\(order 1\\)\n")))
        << answer;
    EXPECT_EQ(silent.recv_until_eof(), "");
    EXPECT_EQ(parked.recv_until_eof(), "");
    for (const Client* const client : {&silent, &parked})
        EXPECT_EQ(host.wait_for_closed("web", client->local_address())["reason"], "drained");
    EXPECT_TRUE(refused("127.0.0.1:" + std::to_string(host.port("web"))));
    EXPECT_EQ(state_of(host, "web"), "drained");
    EXPECT_TRUE(mail.echoes("y"));

    EXPECT_TRUE(std::regex_search(said_of(host, {"orders"}), std::regex("1 +drain +drain within 5m +web .* new disks\n")));
    const Result plan = told(host, {"plan"});
    EXPECT_TRUE(
        std::regex_search(plan.out, std::regex("1 order holds: drain of web by \\S+ until it is removed, \"new disks\"")))
        << plan.out;
    const Result health = told(host, {"health"});
    EXPECT_EQ(health.status, 0) << health.out;
    EXPECT_NE(health.out.find("1 of 2 accept, 1 drained"), std::string::npos) << health.out;
    host.wait_for_log("command", {{"command", "drain"}, {"result", "ok"}});

    EXPECT_EQ(said_of(host, {"drain", "--listener", "web", "--cancel"}), "web accepts again\n");
    EXPECT_TRUE(Client(host.port("web")).echoes("z"));
    EXPECT_EQ(state_of(host, "web"), "accepting");
    EXPECT_EQ(told(host, {"drain", "--listener", "web", "--cancel"}).err, "gatehouse: no drain of web is ordered\n");
}

// Whoever waits with a thread hears of it, and after the time all are cut off.
TEST(ListenerDrain, AThreadThatWaitsIsTold) {
    Gatehouse host(drain_host_section + listener("web", "blocking_echo"), with_blocking_echo());
    Client client(host.port("web"));
    ASSERT_TRUE(client.echoes("x"));
    said_of(host, {"drain", "--listener", "web", "--timeout", "5m"});
    EXPECT_TRUE(client.ends());
}

TEST(ListenerDrain, WaitsForThoseThatGoOnAndCutsThemOffInTheEnd) {
    auto [upstream, host, client, server] = Relayed(drain_host_section);
    ASSERT_TRUE(told(host, {"drain", "--listener", "gateway", "--timeout", "1h", "--no-wait"}).status == 0);
    EXPECT_EQ(state_of(host, "gateway"), "draining");
    client.send("still");
    EXPECT_EQ(server.recv_exactly(5), "still");
    // An order in the place of that one; it waits until they have gone.
    EXPECT_TRUE(
        std::regex_match(said_of(host, {"drain", "--listener", "gateway", "--timeout", "20ms", "--json"}),
                         std::regex("\\{\"listener\":\"gateway\",\"state\":\"draining\",\"open\":1,\"timeout\":0.02\\d*,"
                                    "\"order\":2\\}\n")));
    EXPECT_EQ(host.wait_for_closed("gateway")["reason"], "drained");
    client.rest();
    server.rest();
}

TEST(ListenerDrain, WhoGoesOnWhenItIsCancelledIsNotCutOff) {
    auto [upstream, host, client, server] = Relayed(drain_host_section);
    EXPECT_EQ(told(host, {"drain", "--listener", "gateway", "--timeout", "2s", "--no-wait"}).status, 0);
    EXPECT_EQ(said_of(host, {"drain", "--listener", "gateway", "--cancel"}), "gateway accepts again\n");
    EXPECT_FALSE(client.readable(2200ms));
    client.send("still");
    EXPECT_EQ(server.recv_exactly(5), "still");
    client.close();
    server.close();
}

// A reload leaves it drained, whatever else changes, and so does one that takes it away and brings it back.
TEST(ListenerDrain, IsKeptOverReloads) {
    Gatehouse host(drain_host_section + listener("web", "echo") + listener("mail", "echo"));
    const std::string web = "127.0.0.1:" + std::to_string(host.port("web"));
    Client old(host.port("web"));
    ASSERT_TRUE(old.echoes("x"));
    const auto next = [&](const std::string& more) {
        return drain_host_section + listener("web", "echo", more) + listener("mail", "echo");
    };
    EXPECT_EQ(host.reload(next("max_connections = 50"))["result"], "applied");
    said_of(host, {"drain", "--listener", "web"});
    EXPECT_TRUE(old.ends()) << "of an earlier generation";
    EXPECT_EQ(host.reload(next("backlog = 50"))["result"], "applied");
    EXPECT_TRUE(refused(web));
    EXPECT_EQ(state_of(host, "web"), "drained");
    EXPECT_EQ(host.reload(drain_host_section + listener("mail", "echo"))["result"], "applied");
    const std::string back = drain_host_section + "[[listeners]]\nname = \"web\"\naddress = \"" + web +
                             "\"\nplugin = \"echo\"\n" + listener("mail", "echo");
    EXPECT_EQ(host.reload(back)["result"], "applied");
    EXPECT_TRUE(refused(web));
    EXPECT_EQ(said_of(host, {"orders", "remove", "1"}), "drain of web does not hold any more\n");
    eventually("it accepts again", [&] { return !refused(web); });
    EXPECT_TRUE(Client(web).echoes("z"));
}

TEST(ListenerDrain, EndsByItself) {
    Gatehouse host(drain_host_section + listener("web", "echo"));
    EXPECT_TRUE(
        std::regex_search(said_of(host, {"drain", "--listener", "web", "--for", "1h"}), std::regex("until 20[0-9-]+T")));
    EXPECT_TRUE(refused("127.0.0.1:" + std::to_string(host.port("web"))));
    EXPECT_EQ(told(host, {"health"}).status, 1) << "nobody accepts";
    said_of(host, {"drain", "--listener", "web", "--for", "20ms", "--no-wait"});
    host.wait_for_log("an order has ended: its time is over", {{"order", "drain of web"}});
    eventually("it accepts again", [&] { return state_of(host, "web") == "accepting"; });
    EXPECT_TRUE(Client(host.port("web")).echoes("x"));
}

// A unix socket could not listen again: newcomers wait.
TEST(ListenerDrain, NewcomersOfAUnixSocketWait) {
    const TempDir dir;
    const std::string address = "unix:" + (dir / "web.sock");
    Gatehouse host(drain_host_section + listener("web", "echo", "address = \"" + address + "\""));
    said_of(host, {"drain", "--listener", "web"});
    Client waits(address);
    waits.send("x");
    EXPECT_FALSE(waits.readable(50ms));
    EXPECT_EQ(said_of(host, {"drain", "--listener", "web", "--cancel"}), "web accepts again\n");
    EXPECT_EQ(waits.recv_exactly(1), "x");
}

TEST(ListenerDrain, GoesOverToTheNextProgram) {
    Gatehouse host(drain_host_section + listener("web", "echo") + listener("mail", "echo"));
    const std::string web = "127.0.0.1:" + std::to_string(host.port("web"));
    said_of(host, {"drain", "--listener", "web"});
    const std::string upgraded = said_of(host, {"upgrade", "--guard", "0", "--json"});
    EXPECT_EQ(host.wait_exit(), 0);
    EXPECT_TRUE(refused(web)) << upgraded;
    EXPECT_EQ(state_of(host, "web"), "drained");
    EXPECT_EQ(said_of(host, {"drain", "--listener", "web", "--cancel"}), "web accepts again\n");
    EXPECT_TRUE(Client(web).echoes("x"));
    EXPECT_EQ(told(host, {"drain", "--no-wait"}).status, 0);
}

TEST(ListenerDrain, SaysWhatIsWrong) {
    const Gatehouse host(drain_host_section + listener("web", "echo"));
    const auto wrong = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "drain");
        const Result result = told(host, std::move(words));
        EXPECT_EQ(result.status, 1);
        return result.err;
    };
    EXPECT_EQ(wrong({"--listener", "wbe"}), "gatehouse: there is no listener \"wbe\" (did you mean web?)\n");
    EXPECT_EQ(wrong({"--listener", "web", "--delay", "1s"}), "gatehouse: delay is for the host as a whole\n");
    EXPECT_EQ(wrong({"--for", "1h"}), "gatehouse: for and reason are for a listener: the host's drain ends it\n");
    EXPECT_EQ(wrong({"--listener", "web", "--cancel", "--timeout", "1s"}),
              "gatehouse: cancel goes with no other argument than listener\n");
    EXPECT_EQ(state_of(host, "web"), "accepting");
}

TEST(ListenerDrain, WhoMayOnlyViewChangesNothing) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    const Gatehouse host("[host]\ncontrol_readers = \"65534\"\ncontrol = \"control.sock\"\n" + listener("web", "echo"));
    ASSERT_EQ(::chmod((host.dir() / ".").c_str(), 0711), 0);
    EXPECT_EQ(run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", gatehouse_binary(), "drain",
                   "--listener", "web", "--socket", host.dir() / "control.sock"})
                  .status,
              1);
    EXPECT_TRUE(Client(host.port("web")).echoes("x"));
}

} // namespace
