#include "checks.hpp"

#include <gtest/gtest.h>

using namespace gateway;

namespace {

const ProxyProtocol no_proxy;

TEST(CheckPlan, WithoutWordsTheConnectionIsEnough) {
    const CheckRules rules;
    const CheckPlan plan(rules, no_proxy, "192.0.2.1:80");
    EXPECT_EQ(plan.request(), "");
    EXPECT_FALSE(plan.wants_answer());
}

TEST(CheckPlan, SendsAndExpects) {
    CheckRules rules;
    rules.send = "PING\r\n";
    rules.expect = "+PONG";
    CheckPlan plan(rules, no_proxy, "192.0.2.1:80");
    EXPECT_EQ(plan.request(), "PING\r\n");
    EXPECT_TRUE(plan.wants_answer());
    for (const char* more : {"", "+", "+PON"}) EXPECT_EQ(plan.judge(more, false), GATEHOUSE_MATCH_MORE) << more;
    EXPECT_EQ(plan.judge("+PONG", false), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(plan.judge("+PONG\r\n", true), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(plan.judge("+PON", true), GATEHOUSE_MATCH_NO) << "it has ended early";
    EXPECT_EQ(plan.judge("-ERR", false), GATEHOUSE_MATCH_NO);
    EXPECT_EQ(plan.problem(), "the answer is not as expected");
}

TEST(CheckPlan, AsksByHttp) {
    CheckRules rules;
    rules.http = "/healthz";
    EXPECT_EQ(CheckPlan(rules, no_proxy, "192.0.2.1:80").request(),
              "GET /healthz HTTP/1.1\r\nHost: 192.0.2.1:80\r\nUser-Agent: Gatehouse health check\r\nAccept: */*\r\n"
              "Connection: close\r\n\r\n");
    EXPECT_NE(CheckPlan(rules, no_proxy, "unix:/run/x").request().find("\r\nHost: \r\n"), std::string::npos);
    rules.http_host = "www.example";
    EXPECT_NE(CheckPlan(rules, no_proxy, "192.0.2.1:80").request().find("\r\nHost: www.example\r\n"), std::string::npos);
}

TEST(CheckPlan, JudgesTheStatus) {
    CheckRules rules;
    rules.http = "/";
    rules.http_status = {{200, 299}, {404, 404}};
    CheckPlan plan(rules, no_proxy, "192.0.2.1:80");
    const std::string good = "HTTP/1.1 204 No Content\r\n";
    for (std::size_t size = 0; size <= 12; ++size)
        EXPECT_EQ(plan.judge(good.substr(0, size), false), GATEHOUSE_MATCH_MORE) << size;
    for (std::size_t size = 13; size <= good.size(); ++size)
        EXPECT_EQ(plan.judge(good.substr(0, size), false), GATEHOUSE_MATCH_YES) << size;
    for (const char* yes : {"HTTP/1.0 200 OK\r\n", "HTTP/1.1 404 ", "HTTP/1.1 299\r\n"})
        EXPECT_EQ(plan.judge(yes, false), GATEHOUSE_MATCH_YES) << yes;
    EXPECT_EQ(plan.judge("HTTP/1.1 200", true), GATEHOUSE_MATCH_YES);
    for (const char* no : {"HTTP/1.1 503 Oops\r\n", "HTTP/1.1 300 \r\n", "HTTP/1.1 199 \r\n"}) {
        EXPECT_EQ(plan.judge(no, false), GATEHOUSE_MATCH_NO) << no;
        EXPECT_EQ(plan.problem(), "HTTP status " + std::string(no).substr(9, 3));
    }
    for (const char* no : {"SSH-2.0-OpenSSH\r\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 2000 OK\r\n",
                           "HTTP/1.1200 OK!\r\n", "HTTP/1.1 -20 OK\r\n", "HTTP/1.1  20 OK\r\n"}) {
        EXPECT_EQ(plan.judge(no, false), GATEHOUSE_MATCH_NO) << no;
        EXPECT_EQ(plan.problem(), "the answer is not HTTP") << no;
    }
    for (std::size_t size = 0; size < 12; ++size) EXPECT_EQ(plan.judge(good.substr(0, size), true), GATEHOUSE_MATCH_NO) << size;
}

TEST(CheckPlan, IntroducesItselfWhereAProxyHeaderIsExpected) {
    CheckRules rules;
    rules.send = "x";
    EXPECT_EQ(CheckPlan(rules, {.version = 1}, "192.0.2.1:80").request(), "PROXY UNKNOWN\r\nx");
    EXPECT_EQ(CheckPlan(rules, {.version = 2}, "192.0.2.1:80").request().size(), 17U);
}

} // namespace
