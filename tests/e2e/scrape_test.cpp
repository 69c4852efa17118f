// `gatehouse metrics`, and the same by the admin plugin, after real traffic.
#include "certificates.hpp"
#include "clients.hpp"
#include "gatehouse.hpp"
#include "process.hpp"
#include "tls_fixture.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

using namespace gatehouse::support;

namespace {

std::string metrics(const Gatehouse& host) {
    const Result result = run_gatehouse({"metrics", host.dir() / "gatehouse.toml"});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

// `name{label="value"}` and what it is.
std::map<std::string, double> values_of(const std::string& text) {
    std::map<std::string, double> values;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with('#')) values[line.substr(0, line.rfind(' '))] = std::stod(line.substr(line.rfind(' ') + 1));
    return values;
}

double sum(const std::map<std::string, double>& values, const std::string& begin) {
    double all = 0;
    for (const auto& [name, value] : values)
        if (name.starts_with(begin)) all += value;
    return all;
}

void expect_promtool_likes(const std::string& text) {
    const Result checked = run({"promtool", "check", "metrics"}, {.input = text});
    EXPECT_EQ(checked.status, 0) << checked.out << checked.err;
    EXPECT_EQ(checked.out + checked.err, "");
}

std::set<std::string> names_of(const std::string& text, const std::string& before, char after) {
    std::set<std::string> names;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(before)) names.insert(line.substr(before.size(), line.find(after, before.size()) - before.size()));
    return names;
}

TEST(Scrape, HasTheLedgerTheListAndNothingElse) {
    const Certificates certificates;
    certificates.make("web", {"localhost"});
    Server server;
    Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + certificates.section("web") +
                   instance("echo", "echo", "", "max_per_source = 100") + instance("secure", "echo", "", "tls = \"web\"") +
                   listener("routed", "echo",
                            "allow = [\"127.0.0.0/8\", \"::1\"]\ndeny = [\"127.0.0.9\"]\n"
                            "[[listeners.routes]]\nprobe = \"ssh\"\nplugin = \"echo\"\n"
                            "[[listeners.routes]]\nprobe = \"http\"\nplugin = \"echo\"\n") +
                   gateway_to(server.address()) + "[plugins.admin]\ngrants = [\"host\"]\nmax_connections = 10\n" +
                   listener("admin", "admin"));
    Client open(host.port("echo"));
    ASSERT_TRUE(open.echoes("hello"));
    for (int i = 0; i < 2; ++i) {
        Client client(host.port("echo"));
        ASSERT_TRUE(client.echoes("hello"));
        client.close();
        host.wait_for_closed("echo", "", 0);
    }
    host.wait_for_status("echo", "two have ended", [](const Record& status) { return status["open"] == "1"; });
    Client relayed(host.port("gateway"));
    Client accepted = server.accept();
    relayed.send("question");
    ASSERT_EQ(accepted.recv_exactly(8), "question");
    Client routed(host.port("routed"));
    ASSERT_TRUE(routed.echoes("GET / HTTP/1.1\r\n\r\n"));
    const std::string at = "127.0.0.1:" + std::to_string(host.port("secure"));
    EXPECT_EQ(run({"openssl", "s_client", "-brief", "-connect", at}, {.input = "x"}).status, 0);
    Client plain(host.port("secure"));
    plain.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(plain.rest().bytes.size() < 100);
    host.wait_for_status("secure", "both have ended", [](const Record& status) { return status["open"] == "0"; });
    eventually("the file has been looked at", [&] { // by a request of its own
        return metrics(host).find("gatehouse_config_file_changed 0\n") != std::string::npos;
    });

    const std::string text = metrics(host);
    expect_promtool_likes(text);
    const std::map<std::string, double> now = values_of(text);
    const auto value = [&](const std::string& name) { return now.contains(name) ? now.at(name) : -1; };
    EXPECT_EQ(value(R"(gatehouse_connections_accepted_total{listener="echo"})"), 3) << text;
    EXPECT_EQ(sum(now, R"(gatehouse_connections_closed_total{listener="echo")"), 2);
    EXPECT_EQ(value(R"(gatehouse_connections_closed_total{listener="echo",reason="peer_closed"})"), 2);
    EXPECT_EQ(value(R"(gatehouse_connections_open{listener="echo",phase="parked"})"), 1);
    EXPECT_EQ(sum(now, R"(gatehouse_connections_open{listener="echo")"), 1);
    EXPECT_EQ(value(R"(gatehouse_bytes_received_total{listener="echo"})"), 15);
    EXPECT_EQ(value(R"(gatehouse_bytes_sent_total{listener="echo"})"), 15);
    EXPECT_EQ(value(R"(gatehouse_connection_duration_seconds_count{listener="echo"})"), 2);
    EXPECT_EQ(value(R"(gatehouse_connections_open{listener="gateway",phase="relaying"})"), 1);
    EXPECT_EQ(value("gatehouse_relay_pairs"), 1);
    EXPECT_EQ(value(R"(gatehouse_relay_bytes_total{method="copy"})"), 8);
    EXPECT_EQ(value(R"(gatehouse_relay_bytes_total{method="splice"})"), 0);
    EXPECT_EQ(value(R"(gatehouse_route_connections_total{listener="routed",route="2"})"), 1);
    EXPECT_EQ(sum(now, "gatehouse_route_connections_total{"), 1);
    EXPECT_EQ(value(R"(gatehouse_access_networks{listener="routed",list="allow"})"), 2);
    EXPECT_EQ(value(R"(gatehouse_access_networks{listener="routed",list="deny"})"), 1);
    EXPECT_EQ(sum(now, "gatehouse_access_networks{"), 3);
    EXPECT_GE(value("gatehouse_main_delay_seconds_count"), 1);
    EXPECT_GT(value(R"(gatehouse_pool_cpu_seconds_total{listener="echo"})"), 0);
    EXPECT_EQ(value(R"(gatehouse_pool_cpu_seconds_total{listener="admin"})"), 0) << "nobody has asked it";
    EXPECT_EQ(value(R"(gatehouse_plugin_connections{plugin="echo"})"), 2);
    EXPECT_EQ(value(R"(gatehouse_tls_handshakes_total{tls="web",version="TLSv1.3",resumed="no"})"), 1);
    EXPECT_EQ(value(R"(gatehouse_tls_handshake_failures_total{tls="web",cause="not_tls"})"), 1);
    EXPECT_EQ(value(R"(gatehouse_tls_handshake_seconds_count{tls="web"})"), 1);
    EXPECT_EQ(value("gatehouse_ready"), 1);
    EXPECT_EQ(value(R"(gatehouse_listener_state{listener="echo",state="accepting"})"), 1);
    EXPECT_GE(value("process_open_fds"), 10);
    EXPECT_GE(value("process_threads"), 3);

    // The list and the scrape have the same names, but for those that plugins have, and what has not happened.
    std::set<std::string> listed = names_of(run_gatehouse({"metrics", "--list"}).out, "", ' ');
    listed.erase("name");
    listed.erase("gatehouse_accept_errors_total");
    std::set<std::string> scraped = names_of(text, "# TYPE ", ' ');
    std::erase_if(scraped, [](const std::string& name) { return name.starts_with("gatehouse_gateway_"); });
    EXPECT_EQ(listed, scraped);
    EXPECT_EQ(value(R"(gatehouse_gateway_connects_total{plugin="gateway",outcome="connected"})"), 1) << text;
    const std::string row = R"({plugin="gateway",server=")" + server.address() + "\"}";
    for (const char* metric : {"addresses", "up", "connections", "connects_total"})
        EXPECT_EQ(value("gatehouse_gateway_server_" + (metric + row)), 1) << metric;
    EXPECT_EQ(value("gatehouse_gateway_server_failures_total" + row), 0);
}

// Each handshake that has begun goes on, or is counted once: one that the host ends with the reason of its connection.
TEST(Scrape, HasTheHandshakesThatTheHostEnds) {
    const Certificates certificates;
    certificates.make("web", {"localhost"});
    Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" +
                   certificates.section("web", "max_handshakes = 1\nhandshake_timeout = \"1h\"") +
                   instance("secure", "echo", "", "tls = \"web\""));
    const auto handshakes = [&](const std::string& open) {
        host.wait_for_status("secure", "it has begun",
                             [&](const Record& status) { return status["handshakes"] == open && status["open"] == open; });
    };
    const auto failures = [&] {
        std::map<std::string, double> found;
        for (const auto& [name, value] : values_of(metrics(host)))
            if (name.starts_with("gatehouse_tls_handshake_failures_total{tls=\"web\",cause=")) found[name.substr(56)] = value;
        return found;
    };
    Client first(host.port("secure"));
    first.send(half_hello());
    handshakes("1");
    EXPECT_TRUE(failures().empty());
    Client second(host.port("secure"));
    second.send(half_hello());
    EXPECT_TRUE(first.ends());
    handshakes("1");
    EXPECT_EQ(ask(host, {"host", "kill", "listener=secure"}).status, 0);
    EXPECT_TRUE(second.ends());
    handshakes("0");
    Client third(host.port("secure"));
    third.send(half_hello());
    handshakes("1");
    third.close();
    handshakes("0");
    Client silent(host.port("secure")); // never begins one
    host.wait_for_status("secure", "it is in", [](const Record& status) { return status["open"] == "1"; });
    silent.close();
    host.wait_for_status("secure", "it has gone", [](const Record& status) { return status["open"] == "0"; });
    const std::map<std::string, double> wanted{{"gone\"}", 1}, {"handshakes_full\"}", 1}, {"killed\"}", 1}};
    EXPECT_EQ(failures(), wanted);
}

TEST(Scrape, SaysWhetherTheFileIsWhatRuns) {
    const std::string config = "[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + listener("echo", "echo");
    Gatehouse host(config);
    const auto says = [&](const std::string& value) {
        eventually("it says " + value,
                   [&] { return metrics(host).find("\ngatehouse_config_file_changed " + value + "\n") != std::string::npos; });
    };
    says("0");
    host.write(config + "max_connections = 50\n");
    says("1");
    EXPECT_EQ(host.reload()["result"], "applied");
    says("0");
    host.write(config);
    says("1");
    host.write(config + "max_connections = 50\n# as before\n");
    says("0");
}

TEST(Scrape, CountersGoOnAfterAReload) {
    const std::string config = "[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + instance("door", "callbacks");
    Gatehouse host(config, with_fixtures());
    Client before(host.port("door"));
    ASSERT_TRUE(before.echoes("hello"));
    EXPECT_EQ(host.reload(config + "max_connections = 50\n")["result"], "applied");
    Client after(host.port("door"));
    ASSERT_TRUE(after.echoes("hello"));
    const std::map<std::string, double> now = values_of(metrics(host));
    EXPECT_EQ(now.at(R"(gatehouse_connections_accepted_total{listener="door"})"), 2);
    EXPECT_EQ(now.at(R"(gatehouse_connections_old{listener="door"})"), 1);
    EXPECT_EQ(now.at(R"(gatehouse_fixture_words_total{plugin="door",word="hello"})"), 2);
    EXPECT_EQ(now.at(R"(gatehouse_fixture_clients{plugin="door"})"), 1) << "of the instance that serves newcomers";
    EXPECT_EQ(now.at("gatehouse_config_generation"), 2);
    EXPECT_EQ(now.at(R"(gatehouse_config_reloads_total{result="applied"})"), 1);
}

TEST(Scrape, TheAdminPluginHasTheSame) {
    Gatehouse host("[host]\ncontrol = \"c\"\ndrain_delay = \"1h\"\n[plugins.admin]\ngrants = [\"host\"]\n" +
                   listener("admin", "admin") + listener("echo", "echo") + gateway_to("127.0.0.1:1"));
    const std::string at = "http://" + host.address("admin");
    const auto get = [&](const std::string& path, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"curl", "-sS", "-w", "%{http_code}", at + path});
        return run(more).out;
    };
    const std::string text = get("/metrics");
    EXPECT_NE(text.find("gatehouse_ready 1\n"), std::string::npos) << text;
    expect_promtool_likes(text.substr(0, text.size() - 3));
    const std::string open = get("/metrics", {"-H", "Accept: application/openmetrics-text"});
    EXPECT_TRUE(open.ends_with("# EOF\n200")) << open;
    EXPECT_EQ(get("/livez"), "ok\n200");
    EXPECT_EQ(get("/startupz"), "ok\n200");
    EXPECT_EQ(get("/readyz?verbose"), "[+] listeners  3 of 3 accept\n[+] host  is not draining\n200");
    EXPECT_EQ(get("/readyz/listener/echo"), "ok\n200");
    EXPECT_EQ(get("/readyz/pool/gateway"), "ok\n200");
    EXPECT_EQ(get("/readyz/pool/gateway?verbose"), "[+] pool gateway  1 of 1 servers up\n200");
    EXPECT_EQ(get("/readyz/pool/echo"), "There is no such pool.\n404");
    EXPECT_EQ(ask(host, {"gateway", "disable", "127.0.0.1:1"}).status, 0);
    EXPECT_EQ(get("/readyz/pool/gateway"), "[-] pool gateway  0 of 1 servers up\n503");
    EXPECT_EQ(ask(host, {"gateway", "enable", "127.0.0.1:1"}).status, 0);
    EXPECT_EQ(get("/readyz/pool/gateway"), "ok\n200");
    EXPECT_NE(get("/api/listeners").find(R"("listener": "echo")"), std::string::npos);
    EXPECT_EQ(get("/livez", {"-H", "Host: rebound.example"}).substr(0, 4), "This");
    EXPECT_EQ(run_gatehouse({"health", host.dir() / "gatehouse.toml"}).status, 0);

    host.signal(SIGTERM); // it goes on for an hour, and says that it is not ready
    host.wait_for_text("leaving after a delay");
    eventually("it is not ready", [&] { return get("/readyz") == "[-] host  it drains, or is about to\n503"; });
    EXPECT_EQ(get("/livez"), "ok\n200");
    EXPECT_EQ(run_gatehouse({"health", host.dir() / "gatehouse.toml"}).status, 1);
    host.leave_busy();
    host.signal(SIGTERM);
    host.wait_exit();
}

} // namespace
