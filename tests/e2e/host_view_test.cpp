// What the host tells of itself: to a plugin that the file allows it, and to the operator.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string shown(const Gatehouse& host, const std::string& table, bool json = false) {
    const Result result =
        ask(host, json ? std::vector<std::string>{"host", table, "--json"} : std::vector<std::string>{"host", table});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

TEST(HostView, IsTheSameForAPluginAndForTheOperator) {
    const Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n[plugins.overview]\ngrants = [\"host\"]\n"
                         "max_connections = 7\n" +
                             listener("overview", "overview", "max_connections = 50") + listener("echo", "echo"),
                         GatehouseOptions{.plugin_path = {sample_dir()}});
    Client client(host.port("echo"));
    EXPECT_TRUE(client.echoes("hello"));
    Client page(host.port("overview"));
    EXPECT_EQ(page.recv_until_eof(), "overview at " + host.address("overview") + ": 1 connections\necho at " +
                                         host.address("echo") + ": 1 connections\n");
    const std::string listeners = shown(host, "listeners", true);
    EXPECT_NE(listeners.find("{\"listener\": \"echo\", \"address\": \"" + host.address("echo") +
                             "\", \"plugin\": \"echo\", \"state\": \"accepting\", \"connections\": 1, "),
              std::string::npos)
        << listeners;
    EXPECT_NE(listeners.find("{\"name\": \"wait p99\", \"type\": \"seconds\"}"), std::string::npos) << listeners;
    EXPECT_NE(shown(host, "plugins").find("\necho      echo      1.0.0    0.3  "), std::string::npos) << shown(host, "plugins");
    const std::string limits = shown(host, "limits", true);
    for (const char* row : {R"("limit": "connections", "of": "listener overview", "used": )",
                            R"("limit": "connections", "of": "plugin overview", "used": )",
                            R"("limit": "open files", "of": "host", "used": null, "most": )"})
        EXPECT_NE(limits.find(row), std::string::npos) << limits;
    EXPECT_NE(shown(host, "host", true).find("\"state\": \"serving\", \"since\": \"20"), std::string::npos);
}

TEST(HostView, IsForPluginsOnlyThatTheFileAllowsIt) {
    const TempDir dir;
    const Result result =
        run_gatehouse({"check", "--plugin-path", sample_dir(), dir.write("conf.toml", listener("overview", "overview"))});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("it shows the host, which is not granted; add grants = [\"host\"] to its section"),
              std::string::npos)
        << result.err;
}

} // namespace
