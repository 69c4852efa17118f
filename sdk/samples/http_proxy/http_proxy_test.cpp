#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class HttpProxy : public testing::Test {
  protected:
    // The server answers once it has a whole request, of which a body ends with "body".
    HttpProxy() {
        proxy.upstream_answers("web:80", [this](std::string_view bytes) -> Script {
            request_ += bytes;
            const bool has_body = request_.find("Content-Length") != request_.npos;
            if (!request_.ends_with(has_body ? "body" : "\r\n\r\n")) return {};
            request_.clear();
            return {Step(answer)};
        });
    }

    Plugin proxy{{{"server", "web:80"}}};

  private:
    std::string request_;
};

TEST_F(HttpProxy, KeepsItsConnectionForTheNextClient) {
    const Outcome first = proxy.serve({get});
    EXPECT_EQ(first.output, answer);
    ASSERT_EQ(first.upstreams.size(), 1);
    EXPECT_TRUE(first.upstreams[0].kept);
    const Outcome second = proxy.serve({get});
    EXPECT_EQ(second.output, answer);
    ASSERT_EQ(second.upstreams.size(), 1);
    EXPECT_TRUE(second.upstreams[0].taken);
    EXPECT_EQ(second.upstreams[0].received, get);
}

TEST_F(HttpProxy, TheHostCarriesTheBody) {
    const std::string head = "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n";
    const Outcome outcome = proxy.serve({Step(head + "some "), "body", Step(get)});
    EXPECT_EQ(outcome.output, answer + answer);
    EXPECT_EQ(std::ranges::count(outcome.events, GATEHOUSE_EVENT_RELAYED), 1);
}

TEST_F(HttpProxy, IsTheSameHoweverTheInputIsSplit) {
    EXPECT_EQ(proxy.serve_every_split("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody" + get), answer + answer);
}

TEST_F(HttpProxy, HearsAnAnswerInTheMiddleOfARequest) {
    proxy.upstream_answers("web:80", [](std::string_view) -> Script {
        return {"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
    });
    const Outcome outcome = proxy.serve({"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nthe first bytes"});
    EXPECT_TRUE(outcome.output.starts_with("HTTP/1.1 413")) << outcome.output;
    EXPECT_FALSE(outcome.upstreams.at(0).kept);
}

TEST_F(HttpProxy, AnAnswerWithoutALengthEndsWithItsServer) {
    proxy.upstream("web:80", {"HTTP/1.1 200 OK\r\n\r\n", "one", "two"});
    EXPECT_EQ(proxy.serve({get}).output, "HTTP/1.1 200 OK\r\n\r\nonetwo");
}

TEST_F(HttpProxy, SendsARequestOnceMoreIfAKeptConnectionIsGone) {
    int requests = 0;
    proxy.upstream_answers("web:80", [&](std::string_view) -> Script {
        if (++requests == 2) return {reset}; // the second one over the same connection
        return {Step(answer)};
    });
    const std::string request = "GET / HTTP/1.1\r\n\r\n";
    proxy.serve({Step(request)});
    EXPECT_EQ(proxy.serve({Step(request)}).output, answer);
    EXPECT_EQ(requests, 3);
}

TEST_F(HttpProxy, SendsNothingOverAKeptConnectionThatMayNotBeSentTwice) {
    int requests = 0;
    proxy.upstream_answers("web:80", [&](std::string_view) -> Script {
        ++requests;
        return {Step(answer)};
    });
    EXPECT_EQ(proxy.serve({Step(get)}).upstreams.at(0).kept, true);
    const Outcome outcome = proxy.serve({"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"});
    EXPECT_EQ(outcome.output, answer);
    EXPECT_FALSE(outcome.upstreams.at(0).taken);
    EXPECT_EQ(requests, 2);
}

TEST_F(HttpProxy, RefusesWhatTwoProgramsMayReadInTwoWays) {
    for (const std::string fields : {"Content-Length: 4\r\nContent-Length: 5\r\n", "Content-Length: +4\r\n",
                                     "Content-Length: 99999999999999999999\r\n", "A: b\r\n Content-Length: 4\r\n"})
        EXPECT_TRUE(proxy.serve({Step("POST / HTTP/1.1\r\n" + fields + "\r\nbody")}).output.starts_with("HTTP/1.1 400"))
            << fields;
    EXPECT_TRUE(
        proxy.serve({"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}).output.starts_with("HTTP/1.1 411"));
}

TEST_F(HttpProxy, SaysThatItsServerIsGone) {
    proxy.upstream_fails("web:80", GATEHOUSE_REFUSED);
    EXPECT_TRUE(proxy.serve({get}).output.starts_with("HTTP/1.1 502"));
}

} // namespace
