// The gateway's commands, as an operator uses them, and its example configurations.
#include "gateway_pool.hpp"
#include "named_server.hpp"

#include <gtest/gtest.h>
#include <regex>

using namespace gatehouse::support;

namespace {

class GatewayControl : public testing::Test {
  protected:
    Result control(std::vector<std::string> words) const { return gatehouse::support::control(host_, std::move(words)); }
    std::string reached(int count) { return gatehouse::support::reached(host_, count); }
    std::string cell(const std::string& server, const std::string& column) const {
        return gatehouse::support::cell(host_, server, column);
    }

    NamedServer a_{"a"}, b_{"b"};
    Gatehouse host_{
        gateway_in_front_of(entry(a_.address(), "name = \"a\"") + ", " + entry(b_.address(), "name = \"b\", weight = 2"),
                            "health = { interval = \"20ms\" }")};
};

TEST_F(GatewayControl, ShowsTheServers) {
    EXPECT_EQ(reached(3), "bab");
    eventually("they are checked", [&] { return cell("b", "check") == "ok" && cell("b", "connections") == "0"; });
    EXPECT_EQ(cell("a", "address"), a_.address());
    EXPECT_EQ(cell("a", "state"), "up");
    EXPECT_EQ(cell("a", "total"), "1");
    EXPECT_EQ(cell("b", "total"), "2");
    EXPECT_EQ(cell("b", "weight"), "2");
    b_.stop();
    eventually("one is down", [&] { return cell("b", "state") == "down"; });
    EXPECT_EQ(control({"queue"}).out, "waiting  size  waited  timed out  refused\n      0  1024       0          0        0\n");
}

TEST_F(GatewayControl, DisablesAndEnables) {
    Client old(host_.port("gateway"));
    EXPECT_EQ(old.recv_until("\n"), "b\n");
    EXPECT_EQ(control({"disable", "b"}).status, 0);
    EXPECT_EQ(reached(4), "aaaa");
    EXPECT_EQ(cell("b", "state"), "disabled");
    old.send("still here\n");
    EXPECT_EQ(old.recv_until("\n"), "still here\n");
    EXPECT_EQ(control({"enable", "b"}).status, 0);
    EXPECT_EQ(reached(6).find_first_not_of("ab"), std::string::npos);
    EXPECT_EQ(cell("b", "state"), "up");
}

TEST_F(GatewayControl, DrainsAndCutsWhatIsLeft) {
    Client old(host_.port("gateway"));
    EXPECT_EQ(old.recv_until("\n"), "b\n");
    EXPECT_EQ(control({"drain", "b", "200ms"}).status, 0);
    EXPECT_EQ(reached(3), "aaa");
    EXPECT_TRUE(old.rest().reset) << "it must not look whole";
    EXPECT_EQ(host_.wait_for_closed("gateway", old.local_address())["reason"], "ended");
    eventually("it is drained", [&] { return cell("b", "state") == "drained"; });
    EXPECT_EQ(reached(3), "aaa");
}

TEST_F(GatewayControl, SaysWhatItDoesNotKnow) {
    const Result result = control({"drain", "c"});
    EXPECT_NE(result.status, 0);
    EXPECT_NE(result.err.find("there is no server \"c\"; the command \"servers\" shows them"), std::string::npos) << result.err;
}

class GatewayExample : public testing::TestWithParam<std::string> {};

TEST_P(GatewayExample, IsGood) {
    const std::string file = GATEHOUSE_SOURCE_DIR "/conf/" + GetParam();
    const Result result = run_gatehouse({"check", "--plugin-path", plugin_dir(), file});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with(file + ": ok (")) << result.out;
}

INSTANTIATE_TEST_SUITE_P(Conf, GatewayExample,
                         testing::Values("database-gateway.toml", "redis-pool.toml", "kubernetes-headless.toml",
                                         "ssh-gateway.toml", "patroni.toml", "redis-primary.toml", "galera.toml", "smtp.toml"),
                         [](const auto& test) { return std::regex_replace(test.param, std::regex("[-.]"), "_"); });

} // namespace
