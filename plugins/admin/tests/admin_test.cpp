// The whole plugin over a fake host.
#include <gatehouse/testing.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <unistd.h>

using namespace gatehouse::kit;

namespace {

constexpr std::string_view token = "0123456789abcdef";

class TokenFile {
  public:
    explicit TokenFile(std::string_view text) {
        const int fd = ::mkstemp(path_.data());
        EXPECT_GE(fd, 0);
        ::close(fd);
        std::ofstream(path_) << text;
    }
    ~TokenFile() { ::unlink(path_.c_str()); }
    TokenFile(const TokenFile&) = delete;
    TokenFile& operator=(const TokenFile&) = delete;
    const std::string& path() const noexcept { return path_; }

  private:
    std::string path_ = ::testing::TempDir() + "gatehouse-token-XXXXXX";
};

Circumstances from(std::string_view peer) {
    Circumstances circumstances;
    circumstances.peer = peer;
    return circumstances;
}

std::string get(std::string_view target, std::string_view fields = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost:9901\r\n" + std::string(fields) + "\r\n";
}

// "200 ok": the status, and the content up to its end.
std::string brief(const std::string& answer) {
    const std::size_t body = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.1 ") || body == std::string::npos) return "no answer: " + answer;
    std::string text = answer.substr(body + 4);
    if (text.ends_with('\n')) text.pop_back();
    return answer.substr(9, 3) + (text.empty() ? "" : " ") + text;
}

class AdminTest : public ::testing::Test {
  protected:
    AdminTest() {
        host("ok", "ok");
        const std::chrono::system_clock::time_point until(std::chrono::milliseconds(1'700'000'000'123));
        admin.host_shows("certs", {"tls", {"until", GATEHOUSE_TYPE_TIME}, {"left", GATEHOUSE_TYPE_SECONDS}},
                         {{"a\"\x01", until, std::chrono::milliseconds(1500)}});
        admin.host_measures(GATEHOUSE_METRICS_TEXT, "up 1\n");
        admin.host_measures(GATEHOUSE_METRICS_OPENMETRICS, "# EOF\n");
    }

    void host(const char* ready, const char* web) {
        admin.host_shows("health", {"check", "part", {"state", GATEHOUSE_TYPE_STATE}, "why"},
                         {{"live", "main loop", gatehouse::Value::state("ok"), "turns"},
                          {"ready", "listeners", gatehouse::Value::state("ok"), "2 of 2 accept"},
                          {"ready", "host", gatehouse::Value::state(ready), "it drains"},
                          {"listener", "web", gatehouse::Value::state(web), "full"}});
    }

    std::string ask(const std::string& request, std::string_view peer = "127.0.0.1:40000") {
        return admin.serve({request}, from(peer)).output;
    }

    TokenFile file{std::string(token) + "\nignored\n"};
    Plugin admin{{{"token_file", file.path()}, {"hosts", List{"admin.example"}}}};
};

TEST_F(AdminTest, TellsWhetherTheHostIsWell) {
    EXPECT_EQ(brief(ask(get("/livez"))), "200 ok");
    EXPECT_EQ(brief(ask(get("/readyz"))), "200 ok");
    EXPECT_EQ(brief(ask(get("/readyz/listener/web"))), "200 ok");
    EXPECT_EQ(brief(ask(get("/readyz/listener/wbe"))), "404 There is no such listener.");
    host("failed", "failed");
    EXPECT_EQ(brief(ask(get("/livez"))), "200 ok");
    EXPECT_EQ(brief(ask(get("/readyz"))), "503 [-] host  it drains");
    EXPECT_EQ(brief(ask(get("/readyz?verbose"))), "503 [+] listeners  2 of 2 accept\n[-] host  it drains");
    EXPECT_EQ(brief(ask(get("/readyz/listener/web"))), "503 [-] web  full");
}

TEST_F(AdminTest, TellsWhetherAPoolHasAServer) {
    const auto pool = [&](std::int64_t up) {
        admin.host_shows("metrics", {"instance", "metric", {"value", GATEHOUSE_TYPE_NUMBER}},
                         {{"db", "server_addresses", 2},
                          {"db", "server_addresses", 1},
                          {"db", "server_up", 0},
                          {"db", "server_up", up},
                          {"web", "server_up", 7},
                          {"echo", "connects", 5}});
    };
    pool(1);
    EXPECT_EQ(brief(ask(get("/readyz/pool/db"))), "200 ok");
    EXPECT_EQ(brief(ask(get("/readyz/pool/db?verbose"))), "200 [+] pool db  1 of 3 servers up");
    EXPECT_EQ(brief(ask(get("/readyz/pool/echo"))), "404 There is no such pool.");
    pool(0);
    EXPECT_EQ(brief(ask(get("/readyz/pool/db"))), "503 [-] pool db  0 of 3 servers up");
}

// In chunks, since nobody knows how much it is; to the end of the connection for HTTP/1.0.
TEST_F(AdminTest, WritesTheMetricsInPieces) {
    const std::string answer = ask(get("/metrics"));
    EXPECT_EQ(brief(answer), "200 2\r\nup\r\n3\r\n 1\n\r\n0\r\n\r");
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), std::string::npos) << answer;
    const std::string wanted = ask(get("/metrics", "Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\r\n"));
    EXPECT_EQ(brief(wanted), "200 3\r\n# E\r\n3\r\nOF\n\r\n0\r\n\r");
    EXPECT_NE(wanted.find("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
              std::string::npos);
    EXPECT_EQ(brief(ask(get("/metrics", "Accept: application/openmetrics-text;q=0\r\n"))), brief(answer));
    EXPECT_EQ(brief(ask("GET /metrics HTTP/1.0\r\n\r\n")), "200 up 1");
    EXPECT_EQ(brief(ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")), "200");
}

TEST_F(AdminTest, ShowsTablesAsJson) {
    EXPECT_EQ(brief(ask(get("/api/certs"))),
              R"(200 {"columns": [{"name": "tls", "type": "text"}, {"name": "until", "type": "time"}, )"
              R"({"name": "left", "type": "seconds"}], "rows": [{"tls": "a\"\u0001", "until": "2023-11-14T22:13:20.123Z", )"
              R"("left": 1.500000}]})");
    EXPECT_EQ(brief(ask(get("/api/nothing"))), "404 There is no such page.");
    EXPECT_EQ(brief(ask(get("/nothing"))), "404 There is no such page.");
}

TEST_F(AdminTest, OthersNeedATokenFromElsewhere) {
    const char* const elsewhere = "192.0.2.7:40000";
    const std::string answer = ask(get("/metrics"), elsewhere);
    EXPECT_EQ(brief(answer), "401 A token is needed.");
    EXPECT_NE(answer.find("\r\nWWW-Authenticate: Bearer\r\n"), std::string::npos);
    EXPECT_EQ(brief(ask(get("/livez", "Authorization: Bearer wrong\r\n"), elsewhere)), "401 A token is needed.");
    EXPECT_EQ(brief(ask(get("/livez", "Authorization: Bearer " + std::string(token) + "\r\n"), elsewhere)), "200 ok");
    Plugin closed({{"public_health", true}});
    EXPECT_EQ(brief(closed.serve({get("/metrics")}, from(elsewhere)).output),
              "403 Only this machine may ask; see token_file of the admin plugin.");
    EXPECT_EQ(brief(closed.serve({get("/readyz")}, from(elsewhere)).output), "404 There is no such page."); // may ask: no table
}

// A stranger's page in a browser on this machine gets nothing.
TEST_F(AdminTest, PagesOfStrangersMayNotAsk) {
    EXPECT_EQ(brief(ask("GET /livez HTTP/1.1\r\nHost: rebound.example:9901\r\n\r\n")).substr(0, 3), "421");
    EXPECT_EQ(brief(ask("GET /livez HTTP/1.1\r\nHost: Admin.example:9901\r\n\r\n")), "200 ok");
    EXPECT_EQ(brief(ask(get("/livez", "Origin: http://localhost:3000\r\n"))), "403 Pages of other origins may not ask.");
    EXPECT_EQ(brief(ask(get("/livez", "Origin: http://localhost:9901\r\n"))), "200 ok");
}

TEST_F(AdminTest, ChangesNothing) {
    EXPECT_EQ(brief(ask("PUT /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")), "405 Nothing can be changed here.");
    EXPECT_EQ(brief(ask("GET /../x HTTP/1.1\r\nHost: localhost\r\n\r\n")), "400 The request's target is malformed.");
}

TEST_F(AdminTest, AnswersRequestsInARowHoweverTheyAreCut) {
    const std::string input = get("/livez") + "BAD\r\n\r\n";
    const auto without_dates = [](std::string output) { // a second may pass
        for (std::size_t at = 0; (at = output.find("\r\nDate: ", at)) != std::string::npos;)
            output.erase(at, output.find("\r\n", at + 2) - at);
        return output;
    };
    const std::string all = without_dates(admin.serve({input}, from("127.0.0.1:40000")).output);
    for (std::size_t at = 1; at < input.size(); ++at)
        EXPECT_EQ(without_dates(admin.serve({input.substr(0, at), input.substr(at)}, from("127.0.0.1:40000")).output), all)
            << at;
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_NE(all.find("ok\nHTTP/1.1 400 Bad Request\r\n"), std::string::npos) << all;
}

TEST(Admin, RefusesWhatCannotBe) {
    const TokenFile brief_one("short\n");
    EXPECT_EQ(Plugin::refusal({{"token_file", brief_one.path()}}),
              "token_file: has to have a token in its first line: at least 16 visible characters of ASCII");
    EXPECT_EQ(Plugin::refusal({{"hosts", List{"admin.example:80"}}}),
              "hosts: have to be names without a port, such as \"admin.example\"");
    EXPECT_NE(Plugin::refusal({}, Extensions::none).find("add grants = [\"host\"]"), std::string::npos);
}

} // namespace
