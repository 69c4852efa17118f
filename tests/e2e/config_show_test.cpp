// `gatehouse config show` and `config diff`: what runs, whatever the file says by now.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <sys/stat.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

const std::string shown_host_section = "[host]\ncontrol = \"control.sock\"\ndrain_timeout = \"2s\"\n";

Result config_command(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.begin(), "config");
    words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
    return run_gatehouse(std::move(words));
}

std::string config_said(const Gatehouse& host, std::vector<std::string> words) {
    const Result result = config_command(host, std::move(words));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

bool has_line(const std::string& text, const std::string& pattern) {
    return std::regex_search(text, std::regex("(^|\n)" + pattern + "\n"));
}

TEST(ConfigShow, IsWhatRunsAndNotTheFile) {
    Gatehouse host(shown_host_section + listener("web", "echo", "max_connections = 50") + listener("mail", "echo"));
    host.write(shown_host_section + listener("web", "echo", "max_connections = 60"));
    const std::string web = config_said(host, {"show", "--where", "--listener", "web"});
    EXPECT_TRUE(web.starts_with("[listeners.web]\nname = \"web\"")) << web;
    EXPECT_TRUE(has_line(web, "max_connections = 50 +# \\S+\\.toml:\\d+")) << web;
    EXPECT_TRUE(has_line(web, "backlog = 1024 +# default")) << web;
    const std::string all = config_said(host, {"show"});
    EXPECT_TRUE(has_line(all, "drain_timeout = \"2s\"")) << all;
    EXPECT_NE(all.find("[plugins.echo]\n"), std::string::npos);
    EXPECT_NE(all.find("[listeners.mail]\n"), std::string::npos);
    EXPECT_NE(config_said(host, {"show", "--json", "--listener", "mail"})
                  .find("\"section\": \"listeners.mail\", \"key\": \"backlog\", \"value\": \"1024\", \"where\": \"default\""),
              std::string::npos);
    EXPECT_EQ(config_command(host, {"show", "--listener", "wbe"}).err,
              "gatehouse: there is no listener \"wbe\" (did you mean web?)\n");

    const Result diff = config_command(host, {"diff"});
    EXPECT_EQ(diff.status, 2) << diff.err;
    EXPECT_NE(diff.out.find("~ max_connections"), std::string::npos) << diff.out;
    EXPECT_NE(diff.out.find("50 -> 60"), std::string::npos) << diff.out;
    EXPECT_NE(diff.out.find("CLOSED"), std::string::npos) << diff.out;
    EXPECT_TRUE(config_command(host, {"diff", "--json"}).out.starts_with("{\"changes\":true,\"what\":{"));
}

TEST(ConfigShow, DiffComparesGenerations) {
    const auto with = [](const std::string& more) { return shown_host_section + listener("web", "echo", more); };
    Gatehouse host(with("max_connections = 50"));
    EXPECT_EQ(host.reload(with("max_connections = 60"))["result"], "applied");
    EXPECT_EQ(config_command(host, {"diff"}).status, 0);
    EXPECT_EQ(config_said(host, {"diff"}), "nothing changes\n");
    const Result diff = config_command(host, {"diff", "1"});
    EXPECT_EQ(diff.status, 2);
    EXPECT_NE(diff.out.find("50 -> 60"), std::string::npos) << diff.out;
    EXPECT_NE(config_command(host, {"diff", "2", "1"}).out.find("60 -> 50"), std::string::npos);
    EXPECT_EQ(config_command(host, {"diff", "1", "1"}).status, 0);
    EXPECT_EQ(config_command(host, {"diff", "9"}).err,
              "gatehouse: the host does not remember generation 9; see config history\n");
}

// What an order has set, and what waits for a restart.
TEST(ConfigShow, SaysWhereAnotherValueComesFrom) {
    Gatehouse host(shown_host_section + listener("web", "echo", "max_connections = 50"));
    const std::string socket = host.dir() / "control.sock";
    EXPECT_EQ(run_gatehouse({"limits", "set", "web", "max_connections=7", "--socket", socket}).status, 0);
    const std::string web = config_said(host, {"show", "--where", "--listener", "web"});
    EXPECT_TRUE(has_line(web, "max_connections = 7 +# order 1 by \\S+, instead of 50 \\(\\S+:\\d+\\)")) << web;
    host.reload(shown_host_section + "relay_threads = 7\n" + listener("web", "echo", "max_connections = 60"));
    EXPECT_TRUE(has_line(config_said(host, {"show", "--where"}), "relay_threads = 0 +# before; \\S+:\\d+ needs a restart"));
}

TEST(ConfigShow, ShowsNoSecret) {
    const TempDir secrets;
    const std::string file = secrets.write("secret", "hush-file\n");
    GatehouseOptions options;
    options.environment = {"GATEHOUSE_E2E_SECRET=hush-variable"};
    const Gatehouse host(
        shown_host_section +
            instance("db", "gateway",
                     "upstream = \"127.0.0.1:1\", health = { send = \"${GATEHOUSE_E2E_SECRET}\", expect = { file = \"" + file +
                         "\" } }"),
        options);
    for (const std::vector<std::string>& words : {std::vector<std::string>{"show", "--where"}, {"show", "--json"}}) {
        const std::string all = config_said(host, words);
        EXPECT_EQ(all.find("hush"), std::string::npos) << all;
        EXPECT_NE(all.find("config.health.send"), std::string::npos) << all;
    }
    EXPECT_TRUE(has_line(config_said(host, {"show"}), "config.health.send = \\(secret\\)"));
    EXPECT_TRUE(has_line(config_said(host, {"show", "--where"}), "config.retries = 3 +# default"));
}

TEST(ConfigShow, WhoMayViewMayLook) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    const Gatehouse host("[host]\ncontrol_readers = \"65534\"\ncontrol = \"control.sock\"\n" + listener("web", "echo"));
    ASSERT_EQ(::chmod((host.dir() / ".").c_str(), 0711), 0);
    EXPECT_EQ(run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", gatehouse_binary(), "config", "show",
                   "--socket", host.dir() / "control.sock"})
                  .status,
              0);
}

} // namespace
