#include "checks.hpp"

#include <gtest/gtest.h>

using namespace gateway;

namespace {

constexpr HealthRules default_health;

CheckPlan plan_of(const CheckRules& rules, const std::string& address = "192.0.2.1:80", const std::string& name = "192.0.2.1",
                  const ProxyProtocol& proxy = {}) {
    return {rules, proxy, Server({.name = address, .address = address, .server_name = name}, 0, default_health)};
}

CheckRules dialogue(std::vector<CheckStep> steps) {
    CheckRules rules;
    rules.dialogue = true;
    rules.steps = std::move(steps);
    return rules;
}

// What becomes of an answer that comes byte by byte, with `more` once the plan has asked for that many answers; and what was
// asked, in brackets.
std::string outcome(CheckPlan& plan, const std::string& answer) {
    std::string text = '[' + plan.request() + ']';
    for (std::size_t size = 1; size <= answer.size() + 1; ++size) {
        const bool at_end = size > answer.size();
        gatehouse_match match = plan.judge(answer.substr(0, size), at_end);
        while (match == GATEHOUSE_MATCH_YES) {
            const auto more = plan.next();
            if (!more) return text + " good";
            text += '[' + *more + ']';
            match = plan.judge(answer.substr(0, size), at_end);
        }
        if (match == GATEHOUSE_MATCH_NO) return text + ' ' + plan.end_attempt(gatehouse::Status::invalid, "");
    }
    return text + " more";
}

TEST(CheckPlan, WithoutWordsTheConnectionIsEnough) {
    const CheckRules rules;
    const CheckPlan plan = plan_of(rules);
    EXPECT_EQ(plan.request(), "");
    EXPECT_FALSE(plan.wants_answer());
}

TEST(CheckPlan, SendsAndExpects) {
    CheckRules rules;
    rules.steps = {{"PING\r\n", "+PONG"}};
    CheckPlan plan = plan_of(rules);
    EXPECT_EQ(plan.request(), "PING\r\n");
    EXPECT_TRUE(plan.wants_answer());
    for (const char* more : {"", "+", "+PON"}) EXPECT_EQ(plan.judge(more, false), GATEHOUSE_MATCH_MORE) << more;
    EXPECT_EQ(outcome(plan, "+PONG"), "[PING\r\n] good");
    for (const char* no : {"+PON", "-ERR", "\r\n+PONG", "x\n+PONG"}) {
        CheckPlan again = plan_of(rules);
        EXPECT_EQ(outcome(again, no), "[PING\r\n] the answer is not as expected") << no;
    }
}

TEST(CheckPlan, ATextComesSomewhereInTheAnswer) {
    CheckRules rules;
    rules.steps = {{"INFO\r\n", "$", false, "role:master"}};
    const std::string good = "$24\r\n# Replication\r\nrole:master\r\n";
    CheckPlan dripped = plan_of(rules);
    for (std::size_t i = 1; i + 2 < good.size(); ++i)
        ASSERT_EQ(dripped.judge(good.substr(0, i), false), GATEHOUSE_MATCH_MORE) << i;
    EXPECT_EQ(dripped.judge(good, false), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(dripped.end_attempt(GATEHOUSE_OK, ""), "");
    EXPECT_EQ(outcome(dripped, "$22\r\nrole:slave\r\n"), "[INFO\r\n] the answer does not contain what is expected");
    EXPECT_EQ(outcome(dripped, "-NOAUTH role:master\r\n"), "[INFO\r\n] the answer is not as expected");
    const CheckRules two = dialogue({{"", "220", false, "ESMTP"}, {"QUIT\r\n", "", false, "221"}});
    CheckPlan steps = plan_of(two);
    EXPECT_EQ(outcome(steps, "220 mx ESMTP\r\n221 2.0.0\r\n"), "[][QUIT\r\n] good");
    EXPECT_EQ(steps.end_attempt(GATEHOUSE_OK, ""), "step 2: ");
    EXPECT_EQ(outcome(steps, "220 221 SMTP\r\n"), "[] step 1: the answer does not contain what is expected");
}

TEST(CheckPlan, AsksAtAnotherAddress) {
    const auto asked = [](const char* address, std::uint16_t port) {
        CheckRules rules;
        rules.address = address;
        rules.port = port;
        return plan_of(rules).address();
    };
    EXPECT_EQ(asked("", 0), "192.0.2.1:80");
    EXPECT_EQ(asked("", 8008), "192.0.2.1:8008");
    EXPECT_EQ(asked("10.0.0.9", 0), "10.0.0.9:80");
    EXPECT_EQ(asked("[2001:db8::9]", 8008), "[2001:db8::9]:8008");
    EXPECT_EQ(asked("unix:/run/agent", 0), "unix:/run/agent");
}

TEST(CheckPlan, AnAttemptStartsAnew) {
    const CheckRules rules = dialogue({{"", "220"}, {"QUIT", "221"}});
    CheckPlan plan = plan_of(rules);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(outcome(plan, "220 hello\r\n221 bye\r\n"), "[][QUIT] good");
        EXPECT_EQ(plan.end_attempt(GATEHOUSE_OK, ""), "step 2: ");
        EXPECT_EQ(outcome(plan, "220 hello\r\n500 what\r\n"), "[][QUIT] step 2: the answer is not as expected");
    }
}

// As SMTP has it: an answer of as many lines as the server likes.
TEST(CheckPlan, ADialogueLooksForTheBeginningsOfLines) {
    const CheckRules rules = dialogue({{"", "220"}, {"EHLO x\r\n", "250 "}, {"QUIT\r\n", "221"}});
    for (const char* good : {"220 a\r\n250 b\r\n221 c\r\n", "220-a\r\n220 b\r\n250-a\r\n250-SIZE 250 221\r\n250 b\r\n221 c",
                             "* hello\r\n220 a\r\n250 b\r\n221 c"}) {
        CheckPlan plan = plan_of(rules);
        EXPECT_EQ(outcome(plan, good), "[][EHLO x\r\n][QUIT\r\n] good") << good;
    }
    CheckPlan never = plan_of(rules);
    EXPECT_EQ(outcome(never, "554 no\r\n"), "[] step 1: the answer is not as expected");
    CheckPlan middle = plan_of(rules);
    EXPECT_EQ(outcome(middle, "220 a\r\nx250 \r\n"), "[][EHLO x\r\n] step 2: the answer is not as expected");
}

TEST(CheckPlan, BytesHaveToComeNext) {
    const CheckRules rules = dialogue({{"", std::string("\0\xd2", 2), true}, {"x", "\n\xff", true}});
    CheckPlan good = plan_of(rules);
    EXPECT_EQ(outcome(good, std::string("\0\xd2\n\xff", 4)), "[][x] good");
    CheckPlan bad = plan_of(rules);
    EXPECT_EQ(outcome(bad, std::string("\0\xd2\n\n\xff", 5)), "[][x] step 2: the answer is not as expected");
}

// A server that drips lines must not cost more than it sends.
TEST(CheckPlan, LooksAtEachByteOnce) {
    CheckRules lines = dialogue({{"", "220"}});
    CheckPlan dripped = plan_of(lines);
    CheckRules http;
    http.http = "/";
    CheckPlan interim = plan_of(http);
    std::string answer = "x";
    std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: ";
    const auto start = Clock::now();
    for (std::size_t i = 0; i < 64 * 1024; ++i) {
        answer += 'x';
        hints += 'x';
        ASSERT_EQ(dripped.judge(answer, false), GATEHOUSE_MATCH_MORE);
        ASSERT_EQ(interim.judge(hints, false), GATEHOUSE_MATCH_MORE);
    }
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(2));
}

std::string host_field(const CheckRules& rules, const std::string& address, const std::string& name) {
    const std::string request = plan_of(rules, address, name).request();
    const std::size_t from = request.find("\r\nHost: ") + 8;
    return request.substr(from, request.find("\r\n", from) - from);
}

TEST(CheckPlan, AsksByHttpForTheServersName) {
    CheckRules rules;
    rules.http = "/healthz";
    EXPECT_EQ(plan_of(rules, "192.0.2.1:80", "web.example").request(),
              "GET /healthz HTTP/1.1\r\nHost: web.example:80\r\nUser-Agent: Gatehouse health check\r\nAccept: */*\r\n"
              "Connection: close\r\n\r\n");
    EXPECT_EQ(host_field(rules, "192.0.2.1:80", "192.0.2.1"), "192.0.2.1:80");
    EXPECT_EQ(host_field(rules, "[2001:db8::1]:80", "2001:db8::1"), "[2001:db8::1]:80");
    EXPECT_EQ(host_field(rules, "[fe80::1%eth0]:80", "fe80::1%eth0"), "[fe80::1]:80") << "the zone is this machine's affair";
    EXPECT_EQ(host_field(rules, "192.0.2.1:80", "web.example."), "web.example:80");
    EXPECT_EQ(host_field(rules, "unix:/run/x", ""), "");
    rules.port = 8080;
    EXPECT_EQ(host_field(rules, "[2001:db8::1]:80", "web.example"), "web.example:8080");
    EXPECT_EQ(plan_of(rules, "[2001:db8::1]:80").address(), "[2001:db8::1]:8080");
    rules.http_host = "www.example";
    EXPECT_EQ(host_field(rules, "192.0.2.1:80", "web.example"), "www.example");
}

TEST(CheckPlan, PassesInterimAnswersOver) {
    CheckRules rules;
    rules.http = "/";
    const std::pair<const char*, const char*> answers[] = {
        {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n", "good"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 \r\nA: b\r\nC: d\r\n\r\nHTTP/1.1 204 \r\n", "good"},
        {"HTTP/1.1 100 \n\nHTTP/1.1 200 OK\n", "good"},
        {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 Oops\r\n", "HTTP status 503"},
        {"HTTP/1.1 103 Early Hints\r\n\r\n220 SMTP", "the answer is not HTTP"},
        {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n", "no answer but an interim one"},
        {"HTTP/1.1 103 Early Hints\r\n\r\n", "the answer is not HTTP"},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n", "HTTP status 101"},
    };
    for (const auto& [answer, verdict] : answers) {
        CheckPlan plan = plan_of(rules);
        const std::string text = outcome(plan, answer);
        EXPECT_TRUE(text.ends_with(verdict)) << answer << text;
    }
    rules.http_status = {{100, 399}};
    CheckPlan plan = plan_of(rules);
    EXPECT_TRUE(outcome(plan, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 \r\n").ends_with("HTTP status 500"));
}

TEST(CheckPlan, JudgesTheStatus) {
    CheckRules rules;
    rules.http = "/";
    rules.http_status = {{200, 299}, {404, 404}};
    CheckPlan plan = plan_of(rules);
    const std::string good = "HTTP/1.1 204 No Content\r\n";
    for (std::size_t size = 0; size <= 12; ++size)
        EXPECT_EQ(plan.judge(good.substr(0, size), false), GATEHOUSE_MATCH_MORE) << size;
    for (std::size_t size = 13; size <= good.size(); ++size)
        EXPECT_EQ(plan.judge(good.substr(0, size), false), GATEHOUSE_MATCH_YES) << size;
    for (const char* yes : {"HTTP/1.0 200 OK\r\n", "HTTP/1.1 404 ", "HTTP/1.1 299\r\n"})
        EXPECT_EQ(plan.judge(yes, false), GATEHOUSE_MATCH_YES) << yes;
    EXPECT_EQ(plan.judge("HTTP/1.1 200", true), GATEHOUSE_MATCH_YES);
    for (const char* no : {"HTTP/1.1 503 Oops\r\n", "HTTP/1.1 300 \r\n", "HTTP/1.1 101 \r\n"}) {
        EXPECT_EQ(plan.judge(no, false), GATEHOUSE_MATCH_NO) << no;
        EXPECT_EQ(plan.end_attempt(gatehouse::Status::invalid, ""), "HTTP status " + std::string(no).substr(9, 3));
    }
    for (const char* no : {"SSH-2.0-OpenSSH\r\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 2000 OK\r\n",
                           "HTTP/1.1200 OK!\r\n", "HTTP/1.1 -20 OK\r\n", "HTTP/1.1  20 OK\r\n"}) {
        EXPECT_EQ(plan.judge(no, false), GATEHOUSE_MATCH_NO) << no;
        EXPECT_EQ(plan.end_attempt(gatehouse::Status::invalid, ""), "the answer is not HTTP") << no;
    }
    for (std::size_t size = 0; size < 12; ++size) EXPECT_EQ(plan.judge(good.substr(0, size), true), GATEHOUSE_MATCH_NO) << size;
}

TEST(CheckPlan, IntroducesItselfWhereAProxyHeaderIsExpected) {
    CheckRules rules;
    rules.steps = {{"x", "y"}};
    const auto preface = [&](const ProxyProtocol& proxy) { return plan_of(rules, "192.0.2.1:80", "", proxy).preface(); };
    EXPECT_EQ(preface({.version = 1}), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(preface({.version = 2}).size(), 16U);
    EXPECT_EQ(preface({}), "");
    rules.port = 81;
    EXPECT_EQ(preface({.version = 1}), "") << "another port is another service";
}

} // namespace
