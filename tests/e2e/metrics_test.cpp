// `gatehouse control CONF host metrics`.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string metrics(const Gatehouse& host, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"host", "metrics"});
    const Result result = ask(host, std::move(more));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
}

TEST(Metrics, AreATable) {
    const Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + instance("door", "callbacks") +
                             listener("echo", "echo"),
                         with_fixtures());
    Client client(host.port("door"));
    EXPECT_TRUE(client.echoes("hello"));
    EXPECT_TRUE(client.echoes("hello"));
    EXPECT_TRUE(client.echoes("\"no\""));
    EXPECT_EQ("\n" + metrics(host), R"(
instance  metric                     labels         type       value  sum  ranges    unit   help
door      clients                                   gauge          1    -                   connections that are open
door      sizes                                     histogram      3   14  4:1 16:2  bytes  how much they have said at once
door      words                      word="\"no\""  counter        1    -                   what clients have said
door      words                      word="hello"   counter        2    -                   what clients have said
door      gatehouse_metrics_refused                 counter        0    -                   metrics and children that were refused at a limit
)");
}

TEST(Metrics, AreJsonAsOtherAnswers) {
    const Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + instance("door", "callbacks"), with_fixtures());
    EXPECT_TRUE(Client(host.port("door")).echoes("hello"));
    const std::string text = metrics(host, {"--json"});
    EXPECT_NE(text.find(R"({"instance": "door", "metric": "words", "labels": "word=\"hello\"", "type": "counter", )"
                        R"("value": 1, "sum": null, "ranges": "", "unit": "", "help": "what clients have said"})"),
              std::string::npos)
        << text;
}

// Whatever clients say: the host keeps a bounded number of words, and says how many it has left out.
TEST(Metrics, AreBounded) {
    const Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + instance("door", "callbacks"), with_fixtures());
    Client client(host.port("door"));
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(client.echoes(std::to_string(i)));
    ASSERT_TRUE(client.echoes(std::string(129, 'x')));
    const std::string text = metrics(host, {"--json"});
    EXPECT_NE(text.find(R"("metric": "gatehouse_metrics_refused", "labels": "", "type": "counter", "value": 45)"),
              std::string::npos)
        << text.substr(text.size() - 300);
    EXPECT_EQ(text.find("word=\\\"256"), std::string::npos);
}

TEST(Metrics, TheGatewayHasSome) {
    Server server;
    const Gatehouse host("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + gateway_to(server.address()));
    Client client(host.port("gateway"));
    const Client accepted = server.accept();
    eventually("it is counted", [&] {
        return metrics(host, {"--json"}).find(R"("labels": "outcome=\"connected\"", "type": "counter", "value": 1)") !=
               std::string::npos;
    });
}

TEST(Metrics, WhereNobodyCountsTheTableIsEmpty) {
    const Gatehouse host("[host]\ncontrol = \"c\"\n" + listener("echo", "echo"));
    EXPECT_EQ(metrics(host), "instance  metric  labels  type  value  sum  ranges  unit  help\n");
    EXPECT_TRUE(metrics(host, {"--json"}).ends_with("\"rows\": []}\n"));
}

} // namespace
