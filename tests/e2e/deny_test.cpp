// `gatehouse deny`: networks that the operator denies while the host runs.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

const std::string deny_host_section = "[host]\ncontrol = \"control.sock\"\n";

Result run_deny(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.begin(), "deny");
    words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
    return run_gatehouse(std::move(words));
}

std::string deny_done(const Gatehouse& host, std::vector<std::string> words) {
    const Result result = run_deny(host, std::move(words));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

Client comes_from(const Gatehouse& host, const std::string& source, std::string_view listener = "web") {
    return Client("127.0.0.1:" + std::to_string(host.port(listener)), source + ":0");
}

bool is_served_to(const Gatehouse& host, const std::string& source, std::string_view listener = "web") {
    return comes_from(host, source, listener).echoes("hello");
}

// "REASON by ORDER", of one that was closed without a word.
std::string order_refusal(Gatehouse& host, Client client, std::string_view listener = "web") {
    EXPECT_EQ(client.rest().bytes, "");
    const Record closed = host.wait_for_closed(listener, client.local_address());
    return closed["reason"] + " by " + closed["rule"] + ' ' + closed["value"];
}

TEST(Deny, HoldsAtOnceWhateverTheFileAllowsUntilItIsRemoved) {
    Gatehouse host(deny_host_section + listener("web", "echo", "allow = [\"127.0.0.0/8\"]") + listener("mail", "echo"));
    EXPECT_TRUE(is_served_to(host, "127.0.0.2"));
    EXPECT_EQ(deny_done(host, {"add", "127.0.0.0/30", "--reason", "scans"}), "127.0.0.0/30 is denied until it is removed\n");
    EXPECT_EQ(deny_done(host, {"add", "127.0.0.9", "--listener", "web"}), "127.0.0.9 at web is denied until it is removed\n");
    EXPECT_EQ(order_refusal(host, comes_from(host, "127.0.0.2")), "denied_acl by order 127.0.0.0/30");
    EXPECT_EQ(order_refusal(host, comes_from(host, "127.0.0.2", "mail"), "mail"), "denied_acl by order 127.0.0.0/30");
    EXPECT_EQ(order_refusal(host, comes_from(host, "127.0.0.9")), "denied_acl by order 127.0.0.9");
    EXPECT_TRUE(is_served_to(host, "127.0.0.9", "mail"));
    EXPECT_TRUE(is_served_to(host, "127.0.0.4"));

    const std::string time = R"(20[0-9-]+T[0-9:.]+Z)";
    const std::string user = R"(\S+)";
    const std::string list = deny_done(host, {"list"});
    EXPECT_TRUE(std::regex_match(list, std::regex("network +listener +by +since +until +refused +reason\n"
                                                  "127.0.0.0/30 +- +" +
                                                  user + " +" + time + " +- +2 +scans\n127.0.0.9 +web +" + user + " +" + time +
                                                  " +- +1 +-\n")))
        << list;
    const std::string json = deny_done(host, {"list", "--json", "--limit", "1"});
    EXPECT_NE(json.find("{\"name\": \"since\", \"type\": \"time\"}"), std::string::npos) << json;
    EXPECT_TRUE(std::regex_search(json, std::regex("\"until\": null, \"refused\": 2, \"reason\": \"scans\"\\}\\]"))) << json;
    host.wait_for_log("command",
                      {{"command", "deny.add"}, {"arguments", "network=127.0.0.0/30 reason=scans"}, {"result", "ok"}});

    EXPECT_EQ(deny_done(host, {"remove", "127.0.0.0/30"}), "127.0.0.0/30 is not denied any more by an order\n");
    EXPECT_TRUE(is_served_to(host, "127.0.0.2"));
    EXPECT_EQ(run_deny(host, {"remove", "127.0.0.9"}).err, "gatehouse: there is no order for 127.0.0.9 (there is for web)\n");
}

TEST(Deny, SaysWhatIsWrong) {
    const Gatehouse host(deny_host_section + listener("web", "echo"));
    const auto wrong = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "add");
        const Result result = run_deny(host, std::move(words));
        EXPECT_EQ(result.status, 1);
        return result.err;
    };
    EXPECT_EQ(wrong({"10.0.0.1/8"}), "gatehouse: \"10.0.0.1/8\" has bits set beyond its length (expected the network's first "
                                     "address: \"10.0.0.0/8\")\n");
    EXPECT_EQ(wrong({"10.0.0.0/8", "--listener", "wbe"}), "gatehouse: there is no listener \"wbe\" (did you mean web?)\n");
    EXPECT_EQ(wrong({"10.0.0.0/8", "--for", "0"}), "gatehouse: an order for no time is none (expected \"for\" to be longer)\n");
    EXPECT_EQ(wrong({"10.0.0.0/8", "--reason", std::string(201, 'x')}), "gatehouse: the reason is longer than 200 bytes\n");
    EXPECT_EQ(deny_done(host, {"list", "--json"}).find("10.0.0.0"), std::string::npos);
}

// A plan shows it, and a reload leaves it.
TEST(Deny, IsKeptOverAReloadAndShown) {
    Gatehouse host(deny_host_section + listener("web", "echo"));
    EXPECT_TRUE(std::regex_match(deny_done(host, {"add", "127.0.0.2", "--for", "1h", "--reason", "two\nlines"}),
                                 std::regex("127.0.0.2 is denied until 20[0-9-]+T[0-9:.]+Z\n")));
    const auto plan = [&] { return run_gatehouse({"plan", "--socket", host.dir() / "control.sock"}).out; };
    const std::regex shown(R"(  1 order holds: 127\.0\.0\.2 is denied by \S+ until 20[0-9-]+T[0-9:.]+Z, "two\\\\x0alines"\n)");
    EXPECT_TRUE(std::regex_search(plan(), std::regex("nothing changes\n"))) << plan();
    EXPECT_TRUE(std::regex_search(plan(), shown)) << plan();
    const std::string next = deny_host_section + listener("web", "echo", "allow = [\"127.0.0.0/8\"]");
    host.write(next);
    EXPECT_TRUE(std::regex_search(plan(), shown)) << plan();
    EXPECT_EQ(host.reload(next)["result"], "applied");
    EXPECT_EQ(order_refusal(host, comes_from(host, "127.0.0.2")), "denied_acl by order 127.0.0.2");
    EXPECT_TRUE(is_served_to(host, "127.0.0.3"));
    const std::string status = run_gatehouse({"status", "--socket", host.dir() / "control.sock"}).out;
    EXPECT_NE(status.find("  orders 1\n"), std::string::npos) << status;
    EXPECT_TRUE(deny_done(host, {"add", "127.0.0.2"}).ends_with("until it is removed, instead of the order before\n"));
}

TEST(Deny, EndsByItself) {
    Gatehouse host(deny_host_section + listener("web", "echo"));
    deny_done(host, {"add", "127.0.0.2", "--for", "1h"});
    EXPECT_EQ(order_refusal(host, comes_from(host, "127.0.0.2")), "denied_acl by order 127.0.0.2");
    deny_done(host, {"add", "127.0.0.2", "--for", "20ms"});
    host.wait_for_log("orders have ended: their time is over", {{"networks", "127.0.0.2"}, {"count", "1"}});
    EXPECT_TRUE(is_served_to(host, "127.0.0.2"));
    EXPECT_EQ(run_deny(host, {"remove", "127.0.0.2"}).err, "gatehouse: there is no order for 127.0.0.2\n");
}

TEST(Deny, CutEndsOpenConnectionsAsWell) {
    Gatehouse host(deny_host_section + listener("web", "echo") + listener("mail", "echo"));
    Client one = comes_from(host, "127.0.0.2");
    Client two = comes_from(host, "127.0.0.2");
    Client mail = comes_from(host, "127.0.0.2", "mail");
    Client other = comes_from(host, "127.0.0.3");
    for (Client* const client : {&one, &two, &mail, &other}) ASSERT_TRUE(client->echoes("x"));
    // Of an earlier generation, as well.
    EXPECT_EQ(
        host.reload(deny_host_section + listener("web", "echo", "max_connections = 50") + listener("mail", "echo"))["result"],
        "applied");
    EXPECT_EQ(deny_done(host, {"add", "127.0.0.2", "--listener", "web"}),
              "127.0.0.2 at web is denied until it is removed\n2 open connections go on; --cut ends such\n");
    EXPECT_TRUE(two.echoes("y"));
    EXPECT_EQ(deny_done(host, {"add", "127.0.0.2", "--listener", "web", "--cut"}),
              "127.0.0.2 at web is denied until it is removed, instead of the order before\nkilled 2 connections\n");
    EXPECT_TRUE(one.ends());
    EXPECT_TRUE(two.ends());
    EXPECT_EQ(host.wait_for_closed("web", two.local_address())["reason"], "killed");
    EXPECT_TRUE(mail.echoes("z"));
    EXPECT_TRUE(other.echoes("z"));
    const std::string json = deny_done(host, {"add", "127.0.0.0/8", "--cut", "--json"});
    EXPECT_TRUE(mail.ends());
    EXPECT_TRUE(other.ends());
    EXPECT_EQ(json, "{\"network\":\"127.0.0.0/8\",\"listener\":null,\"until\":null,\"replaced\":false,\"killed\":2}\n");
}

// The client that a proxy names is denied, and so is the proxy when it comes by itself.
TEST(Deny, IsAboutTheClientBehindAProxy) {
    Gatehouse host(deny_host_section + listener("web", "echo", "proxy_protocol = { from = [\"127.0.0.0/8\"] }"));
    deny_done(host, {"add", "192.0.2.0/24"});
    Client proxied(host.port("web"));
    proxied.send("PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\nhello");
    EXPECT_EQ(proxied.rest().bytes, "");
    const Record closed = host.wait_for_closed("web", "192.0.2.1:40000");
    EXPECT_EQ(closed["reason"] + " by " + closed["rule"] + ' ' + closed["value"], "denied_acl by order 192.0.2.0/24");
    EXPECT_EQ(deny_done(host, {"add", "127.0.0.1", "--json"}),
              "{\"network\":\"127.0.0.1\",\"listener\":null,\"until\":null,\"replaced\":false,\"open\":0}\n");
    Client by_proxy(host.port("web"));
    by_proxy.send("PROXY TCP4 192.0.3.1 198.51.100.2 40000 443\r\nhello");
    EXPECT_EQ(by_proxy.recv_exactly(5), "hello");
    Client own(host.port("web"));
    own.send("PROXY UNKNOWN\r\nhello");
    EXPECT_EQ(own.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("web", own.local_address())["value"], "127.0.0.1");
}

TEST(Deny, WhoMayOnlyViewChangesNothing) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    const Gatehouse host("[host]\ncontrol_readers = \"65534\"\ncontrol = \"control.sock\"\n" + listener("web", "echo"));
    ASSERT_EQ(::chmod((host.dir() / ".").c_str(), 0711), 0);
    const auto as_reader = [&](const std::vector<std::string>& words) {
        std::vector<std::string> all{"setpriv",        "--reuid",          "65534", "--regid", "65534",
                                     "--clear-groups", gatehouse_binary(), "deny"};
        all.insert(all.end(), words.begin(), words.end());
        all.insert(all.end(), {"--socket", host.dir() / "control.sock"});
        return run(all).status;
    };
    EXPECT_EQ(as_reader({"list"}), 0);
    EXPECT_EQ(as_reader({"add", "127.0.0.2"}), 1);
    deny_done(host, {"add", "127.0.0.3"});
    EXPECT_EQ(as_reader({"remove", "127.0.0.3"}), 1);
    EXPECT_TRUE(is_served_to(host, "127.0.0.2"));
    EXPECT_FALSE(is_served_to(host, "127.0.0.3"));
}

} // namespace
