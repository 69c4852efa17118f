// The whole plugin over a real folder and a fake host.
#include "date.hpp"
#include "test_site.hpp"

#include <chrono>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace http;
using namespace http::test;
using namespace gatehouse::kit;
using namespace std::chrono_literals;

namespace {

// A file that is sent with the host's sendfile.
std::string large_content() {
    std::string content(200'000, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
    return content;
}

const std::string hello = "hello, world\n";

} // namespace

TEST_F(HttpTest, ServesAFile) {
    const Answer answer = ask(get("/hello.txt"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, hello);
    EXPECT_EQ(answer.field("Content-Type"), "text/plain");
    EXPECT_EQ(answer.field("Content-Length"), "13");
    EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
    EXPECT_TRUE(parse_http_date(answer.field("Date"), 0));
    EXPECT_TRUE(parse_http_date(answer.field("Last-Modified"), 0));
    EXPECT_TRUE(answer.field("ETag").starts_with('"') && answer.field("ETag").ends_with('"'));
    EXPECT_EQ(answer.fields.count("Connection"), 0u);
    EXPECT_EQ(answer.fields.count("Cache-Control"), 0u);
}

TEST_F(HttpTest, ServesFilesOfEverySize) {
    for (const std::size_t size : {0u, 1u, 65'535u, 65'536u, 65'537u, 70'000u, 200'000u}) {
        const std::string content = large_content().substr(0, size);
        folder.write("file.bin", content);
        EXPECT_EQ(ask(get("/file.bin")).body, content) << size;
    }
}

TEST_F(HttpTest, DoesWithoutSendfile) {
    folder.write("large.bin", large_content());
    Plugin bare(config(), Extensions::none);
    std::string output = bare.serve({get("/large.bin") + get("/hello.txt")}).output;
    EXPECT_EQ(take_answer(output).body, large_content());
    EXPECT_EQ(take_answer(output).body, hello);
}

TEST_F(HttpTest, HeadHasNoBody) {
    folder.write("large.bin", large_content());
    for (const char* target : {"/hello.txt", "/large.bin", "/missing", "/..", "/.hidden"}) {
        std::string output = plugin.serve({"HEAD " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"}).output;
        const Answer head = take_answer(output, false);
        EXPECT_EQ(output, "") << target;
        const Answer full = ask(get(target));
        EXPECT_EQ(head.status, full.status);
        EXPECT_EQ(head.field("Content-Length"), std::to_string(full.body.size()));
        EXPECT_EQ(head.field("ETag"), full.field("ETag"));
    }
    for (const char* request : {"HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
                                "HEAD / HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n"})
        EXPECT_TRUE(plugin.serve({std::string(request)}).output.ends_with("Connection: close\r\n\r\n")) << request;
}

TEST_F(HttpTest, AHeadThatIsLateOrCutHasNoBodyEither) {
    const std::string request = "HEAD /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx";
    for (std::size_t size = 1; size <= request.size(); ++size)
        for (const auto& [ending, status] : {std::pair<Step, const char*>{end, "400"}, {timeout, "408"}}) {
            const std::string output = plugin.serve({request.substr(0, size), ending}).output;
            EXPECT_TRUE(output.starts_with("HTTP/1.1 " + std::string(status))) << output;
            EXPECT_EQ(output.find("\r\n\r\n") + 4, output.size()) << output;
        }
}

TEST_F(HttpTest, ServesTheIndexOfAFolder) {
    folder.write("index.html", "root");
    folder.write("sub/index.html", "sub");
    EXPECT_EQ(ask(get("/")).body, "root");
    EXPECT_EQ(ask(get("/sub/")).body, "sub");
    EXPECT_EQ(ask(get("/sub/")).field("Content-Type"), "text/html");
    EXPECT_EQ(ask(get("http://example.org/sub/")).body, "sub");
    fs::create_directories(folder.site() / "empty");
    EXPECT_EQ(ask(get("/empty/")).status, 404);
    EXPECT_EQ(ask(get("/hello.txt/")).status, 404);
    EXPECT_EQ(ask(get("/none/")).status, 404);
    fs::create_directories(folder.site() / "odd/index.html");
    EXPECT_EQ(ask(get("/odd/")).status, 404);
}

TEST_F(HttpTest, TheIndexCanBeNamed) {
    folder.write("start.txt", "start");
    Plugin named({{"root", folder.site().string()}, {"index", "start.txt"}});
    EXPECT_EQ(answers(named.serve({get("/")}).output).at(0).body, "start");
}

TEST_F(HttpTest, RedirectsToTheSlash) {
    fs::create_directories(folder.site() / "a b/sub");
    const Answer answer = ask(get("/a%20b/sub?x=1"));
    EXPECT_EQ(answer.status, 301);
    EXPECT_EQ(answer.field("Location"), "/a%20b/sub/?x=1");
    fs::create_directories(folder.site() / "evil.example");
    EXPECT_EQ(ask(get("//evil.example")).field("Location"), "/evil.example/") << "must not lead to another host";
}

TEST_F(HttpTest, AnswersEveryProblemReadably) {
    const struct {
        int status;
        std::string request;
        std::string body;
    } cases[] = {
        {400, "GET / HTTP/1.1\r\n\r\n", "400 Bad Request\nAn HTTP/1.1 request needs a Host field.\n"},
        {400, "hello\n", "400 Bad Request\nThis is not an HTTP request.\n"},
        {413, get("/", "Content-Length: 65537\r\n"), "413 Content Too Large\nThe request's body is too large.\n"},
        {414, "GET /" + std::string(8192, 'x'), "414 URI Too Long\nThe request's target is too long.\n"},
        {417, get("/", "Expect: x\r\n"), "417 Expectation Failed\nThe only expectation met is \"100-continue\".\n"},
        {431, "GET / HTTP/1.1\r\nX: " + std::string(16'384, 'x'),
         "431 Request Header Fields Too Large\nThe request's header is too large.\n"},
        {501, get("/", "Transfer-Encoding: gzip, chunked\r\n"),
         "501 Not Implemented\nThe only transfer coding supported is \"chunked\".\n"},
        {505, "GET / HTTP/3.0\r\n\r\n", "505 HTTP Version Not Supported\nThis server speaks HTTP/1.0 and HTTP/1.1.\n"},
    };
    for (const auto& expected : cases) {
        const Outcome outcome = plugin.serve({expected.request + "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n"});
        const auto all = answers(outcome.output);
        ASSERT_EQ(all.size(), 1u) << "nothing after a problem may be served";
        EXPECT_EQ(all[0].status, expected.status);
        EXPECT_EQ(all[0].body, expected.body);
        EXPECT_EQ(all[0].field("Connection"), "close");
        EXPECT_EQ(all[0].field("Content-Type"), "text/plain; charset=utf-8");
        EXPECT_EQ(outcome.next, GATEHOUSE_NEXT_CLOSE);
    }
}

TEST_F(HttpTest, StaysOpenAfterErrorsThatAreNotTheConnections) {
    const auto all = answers(plugin
                                 .serve({get("/none") + get("/%00") + "POST / HTTP/1.1\r\nHost: a\r\n\r\n" +
                                         "BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello.txt")})
                                 .output);
    ASSERT_EQ(all.size(), 5u);
    EXPECT_EQ(all[0].status, 404);
    EXPECT_EQ(all[1].status, 400);
    EXPECT_EQ(all[2].status, 405);
    EXPECT_EQ(all[2].field("Allow"), "GET, HEAD");
    EXPECT_EQ(all[3].status, 501);
    EXPECT_EQ(all[4].body, hello);
}

TEST_F(HttpTest, ForbiddenFilesAreForbidden) {
    folder.write("locked.txt", "locked");
    ASSERT_EQ(::chmod((folder.site() / "locked.txt").c_str(), 0), 0);
    const auto was = static_cast<uid_t>(::setfsuid(65'534)); // root may read everything; others keep who they are
    const Answer answer = ask(get("/locked.txt"));
    ::setfsuid(was);
    EXPECT_EQ(answer.status, 403);
}

TEST_F(HttpTest, OutOfDescriptorsIsBusy) {
    std::vector<int> taken;
    const struct Restore {
        std::vector<int>& taken;
        ~Restore() {
            for (int fd : taken) ::close(fd);
        }
    } restore{taken};
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
    const Answer answer = ask(get("/hello.txt"));
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.field("Retry-After"), "1");
}

TEST_F(HttpTest, RangesOfAFile) {
    folder.write("digits.txt", "0123456789");
    const auto range = [&](const std::string& value) { return ask(get("/digits.txt", "Range: " + value + "\r\n")); };
    const Answer middle = range("bytes=2-4");
    EXPECT_EQ(middle.status, 206);
    EXPECT_EQ(middle.body, "234");
    EXPECT_EQ(middle.field("Content-Range"), "bytes 2-4/10");
    EXPECT_EQ(middle.field("Content-Type"), "text/plain");
    EXPECT_EQ(range("bytes=-3").body, "789");
    EXPECT_EQ(range("bytes=7-").body, "789");
    EXPECT_EQ(range("lines=1-2").status, 200);
    EXPECT_EQ(range("bytes=4-2").body, "0123456789");
    folder.write("empty.txt", "");
    EXPECT_EQ(ask(get("/empty.txt", "Range: bytes=-5\r\n")).status, 200);
    EXPECT_EQ(ask(get("/empty.txt", "Range: bytes=0-\r\n")).status, 416);

    const Answer beyond = range("bytes=10-");
    EXPECT_EQ(beyond.status, 416);
    EXPECT_EQ(beyond.field("Content-Range"), "bytes */10");
    EXPECT_EQ(ask("HEAD /digits.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n").status, 200);
    EXPECT_EQ(ask(get("/digits.txt", "Range: bytes=0-1\r\nRange: bytes=3-4\r\n")).status, 200);
}

TEST_F(HttpTest, SeveralRangesAreMultipart) {
    folder.write("large.bin", large_content());
    const Answer answer = ask(get("/large.bin", "Range: bytes=0-1,5-70005,-2\r\n"));
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.fields.count("Content-Range"), 0u);
    const std::string type = answer.field("Content-Type");
    const std::string start = "multipart/byteranges; boundary=";
    ASSERT_TRUE(type.starts_with(start)) << type;
    const std::string boundary = type.substr(start.size());
    const auto part = [&](const std::string& range, const std::string& content) {
        return "\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes " + range +
               "/200000\r\n\r\n" + content;
    };
    const std::string content = large_content();
    EXPECT_EQ(answer.body, part("0-1", content.substr(0, 2)) + part("5-70005", content.substr(5, 70'001)) +
                               part("199998-199999", content.substr(199'998)) + "\r\n--" + boundary + "--\r\n");
}

TEST_F(HttpTest, ConditionalRequests) {
    const Answer full = ask(get("/hello.txt"));
    const std::string etag = full.field("ETag");
    const std::string date = full.field("Last-Modified");
    const Answer unchanged = ask(get("/hello.txt", "If-None-Match: " + etag + "\r\n"));
    EXPECT_EQ(unchanged.status, 304);
    EXPECT_EQ(unchanged.field("ETag"), etag);
    EXPECT_EQ(unchanged.fields.count("Content-Length"), 0u);
    EXPECT_EQ(ask(get("/hello.txt", "If-None-Match: \"x\"\r\nIf-None-Match: " + etag + "\r\n")).status, 304);
    EXPECT_EQ(ask(get("/hello.txt", "If-Modified-Since: " + date + "\r\n")).status, 304);
    EXPECT_EQ(ask(get("/hello.txt", "If-None-Match: \"x\"\r\nIf-Modified-Since: " + date + "\r\n")).status, 200);
    EXPECT_EQ(ask(get("/hello.txt", "If-Match: \"x\"\r\n")).status, 412);
    EXPECT_EQ(ask(get("/hello.txt", "If-Match: " + etag + "\r\n")).status, 200);
    EXPECT_EQ(ask(get("/hello.txt", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n")).status, 412);
    EXPECT_EQ(ask(get("/none", "If-Match: \"x\"\r\n")).status, 404) << "conditions are for files that exist";

    folder.write("hello.txt", "hello, again\n");
    EXPECT_EQ(ask(get("/hello.txt", "If-None-Match: " + etag + "\r\n")).status, 200) << "same size, other state";
}

// Rewritten in place: the same file, as long as before. Who has the first content must never be told that it is the second one.
TEST_F(HttpTest, AStampThatIsTooYoungNamesNothing) {
    const fs::path path = folder.site() / "page.html";
    const auto rewrite = [&](const std::string& content, std::time_t modified) {
        std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << content;
        const timespec times[] = {{modified, 0}, {modified, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    };
    folder.write("page.html", "....");
    for (int i = 0; i < 24; ++i) { // the reader comes at another point of the clock's tick each time
        rewrite("old.", 1'000'000'000);
        const bool settled = i % 4 == 0;
        if (settled) folder.settle("page.html");
        const Answer first = ask(get("/page.html"));
        if (settled) {
            EXPECT_EQ(first.fields.count("ETag"), 1U);
        }
        rewrite("new.", 1'000'000'000);
        const std::string tag = first.fields.count("ETag") != 0 ? first.field("ETag") : "\"x\"";
        EXPECT_EQ(ask(get("/page.html", "If-None-Match: " + tag + "\r\n")).status, 200);
        EXPECT_EQ(ask(get("/page.html", "Range: bytes=2-\r\nIf-Range: " + tag + "\r\n")).body, "new.");
    }
    rewrite("now.", std::time(nullptr) + 1);
    const Answer answer = ask(get("/page.html"));
    EXPECT_NE(answer.field("Last-Modified"), HttpDate(std::time(nullptr) + 1).text());
}

TEST_F(HttpTest, FilesWithoutATimeHaveNoLastModified) {
    for (const std::time_t none : {0, 1}) {
        const timespec times[] = {{none, 0}, {none, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (folder.site() / "hello.txt").c_str(), times, 0), 0);
        const std::string date = "Thu, 01 Jan 1970 00:00:0" + std::to_string(none) + " GMT";
        EXPECT_EQ(ask(get("/hello.txt")).fields.count("Last-Modified"), 0U);
        EXPECT_EQ(ask(get("/hello.txt", "If-Modified-Since: " + date + "\r\n")).status, 200);
        EXPECT_EQ(ask(get("/hello.txt", "If-Unmodified-Since: " + date + "\r\n")).status, 200);
        EXPECT_EQ(ask(get("/hello.txt", "Range: bytes=0-1\r\nIf-Range: " + date + "\r\n")).status, 200);
    }
}

TEST_F(HttpTest, AFileFromTheFutureMeetsTheDateThatWasSent) {
    const std::time_t future = std::time(nullptr) + 1'000'000;
    const timespec times[] = {{future, 0}, {future, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder.site() / "hello.txt").c_str(), times, 0), 0);
    const Answer answer = ask(get("/hello.txt"));
    EXPECT_EQ(answer.field("Last-Modified"), answer.field("Date"));
    const std::string date = answer.field("Last-Modified");
    for (const std::string& sent : {date, std::string(HttpDate(future).text())})
        EXPECT_EQ(ask(get("/hello.txt", "If-Unmodified-Since: " + sent + "\r\n")).status, 200) << sent;
    EXPECT_EQ(ask(get("/hello.txt", "If-Modified-Since: " + date + "\r\n")).status, 200);
    EXPECT_EQ(ask(get("/hello.txt", "Range: bytes=0-1\r\nIf-Range: " + date + "\r\n")).status, 200);
}

TEST_F(HttpTest, FollowsARootThatIsALink) {
    const fs::path base = folder.site().parent_path();
    for (const char* release : {"one", "two", "three"}) {
        fs::create_directories(base / release / "public");
        std::ofstream(base / release / "public/name.txt") << release;
    }
    std::ofstream(base / "one/public/old.txt") << "old";
    const auto deploy = [&](const std::string& release) { // as deploys do: the link is there at any time
        fs::create_symlink(release, base / "next");
        fs::rename(base / "next", base / "current");
    };
    deploy("one");
    Plugin site({{"root", (base / "current/public").string()}});
    const auto body = [&](const std::string& target) { return answers(site.serve({get(target)}).output).at(0).body; };
    EXPECT_EQ(body("/name.txt"), "one");
    deploy("two");
    EXPECT_EQ(body("/name.txt"), "two");
    EXPECT_EQ(answers(site.serve({get("/old.txt")}).output).at(0).status, 404);
    EXPECT_EQ(answers(site.serve({get("/../one/public/old.txt")}).output).at(0).status, 400);
    fs::remove_all(base / "one");
    fs::rename(base / "two", base / "gone"); // the way to the root leads nowhere: what was served last is
    EXPECT_EQ(body("/name.txt"), "two");
    fs::rename(base / "three", base / "two"); // a folder that takes the place of another
    EXPECT_EQ(body("/name.txt"), "three");
}

TEST_F(HttpTest, IfRangeGivesAllOfAChangedFile) {
    const std::string etag = ask(get("/hello.txt")).field("ETag");
    EXPECT_EQ(ask(get("/hello.txt", "Range: bytes=0-4\r\nIf-Range: " + etag + "\r\n")).body, "hello");
    EXPECT_EQ(ask(get("/hello.txt", "Range: bytes=0-4\r\nIf-Range: \"x\"\r\n")).body, hello);
    EXPECT_EQ(ask(get("/hello.txt", "Range: bytes=99-\r\nIf-Range: \"x\"\r\n")).status, 200);
    EXPECT_EQ(ask(get("/hello.txt", "Range: bytes=99-\r\nIf-None-Match: " + etag + "\r\n")).status, 304);
}

TEST_F(HttpTest, OldClientsCloseUnlessTheySayOtherwise) {
    const Outcome closing = plugin.serve({"GET /hello.txt HTTP/1.0\r\n\r\n" + get("/hello.txt")});
    ASSERT_EQ(answers(closing.output).size(), 1u);
    EXPECT_EQ(answers(closing.output)[0].field("Connection"), "close");
    EXPECT_EQ(closing.reason, "done");
    const Outcome open = plugin.serve({"GET /hello.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/hello.txt")});
    ASSERT_EQ(answers(open.output).size(), 2u);
    EXPECT_EQ(answers(open.output)[0].field("Connection"), "keep-alive");
    EXPECT_EQ(answers(plugin.serve({get("/hello.txt", "Connection: close\r\n") + get("/")}).output).size(), 1u);
    for (const char* field : {"Connection: close, keep-alive", "Proxy-Connection: keep-alive"})
        EXPECT_EQ(
            answers(plugin.serve({"GET /hello.txt HTTP/1.0\r\n" + std::string(field) + "\r\n\r\n" + get("/")}).output).size(),
            1u)
            << field;
}

TEST_F(HttpTest, AnswersPipelinedRequestsInOrder) {
    folder.write("large.bin", large_content());
    const auto all = answers(plugin
                                 .serve({get("/hello.txt") + get("/large.bin") + get("/none") +
                                         get("/hello.txt", "Content-Length: 3\r\n") + "abc" + get("/hello.txt")})
                                 .output);
    ASSERT_EQ(all.size(), 5u);
    EXPECT_EQ(all[0].body, hello);
    EXPECT_EQ(all[1].body, large_content());
    EXPECT_EQ(all[2].status, 404);
    EXPECT_EQ(all[3].body, hello);
    EXPECT_EQ(all[4].body, hello);
}

TEST_F(HttpTest, TheSameHoweverTheInputIsSplit) {
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    const std::string inputs[] = {
        get("/hello.txt") + get("/none") + get("/hello.txt", "Range: bytes=1-2,4-5\r\n"),
        get("/hello.txt", chunked) + "3\r\nabc\r\n0\r\nX: y\r\n\r\n" + get("/hello.txt", "Content-Length: 2\r\n") + "xy" +
            get("/"),
        get("/hello.txt") + "GET / HTTP/1.1\r\nHost: a\r\nX: a\n\r\n\r\n",
        get("/hello.txt", chunked) + "3\r\nabcd\r\n",
    };
    for (const std::string& input : inputs) {
        const std::string whole = without_dates(plugin.serve({input}).output);
        for_each_split(input, [&](const Script& script) { EXPECT_EQ(without_dates(plugin.serve(script).output), whole); });
    }
}

TEST_F(HttpTest, ContinuesWhenAsked) {
    Client client = plugin.connect();
    client.say({get("/hello.txt", "Expect: 100-continue\r\nContent-Length: 3\r\n")});
    EXPECT_EQ(client.heard(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.say({"abc"});
    EXPECT_EQ(answers(client.heard()).at(0).body, hello);
    client.say({"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"});
    EXPECT_EQ(answers(client.heard()).at(0).status, 405) << "the final answer comes before the body";
    EXPECT_FALSE(client.outcome().open);
}

TEST_F(HttpTest, ParksBetweenRequestsAndInTheMiddleOfOne) {
    Client client = plugin.connect();
    const std::string request = get("/hello.txt");
    for (std::size_t i = 0; i < request.size(); ++i) client.say({request.substr(i, 1)});
    EXPECT_EQ(client.outcome().events.size(), request.size()) << "one call for each byte: no thread waits for more";
    EXPECT_EQ(answers(client.heard()).at(0).body, hello);
}

TEST_F(HttpTest, AHeaderThatDripsIsTimedOut) {
    Client client = plugin.connect();
    client.say({"GET / HT", pass(9s), "TP/1.1\r\n", pass(999ms), "Host:"});
    EXPECT_TRUE(client.outcome().open);
    client.say({pass(1ms)});
    const auto all = answers(client.heard());
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].status, 408);
    EXPECT_EQ(all[0].field("Connection"), "close");
    EXPECT_EQ(client.outcome().reason, "deadline");
}

TEST_F(HttpTest, ABodyThatDripsIsTimedOut) {
    Plugin quick({{"root", folder.site().string()}, {"body_timeout", "5s"}});
    Client client = quick.connect();
    client.say({get("/hello.txt", "Content-Length: 9\r\n"), pass(4s), "x", pass(999ms), "y"});
    EXPECT_TRUE(client.outcome().open);
    client.say({pass(1ms)});
    EXPECT_EQ(answers(client.heard()).at(0).status, 408);
}

TEST_F(HttpTest, IdleConnectionsHaveNoDeadlineOfOurs) {
    Client client = plugin.connect();
    client.say({"GET /hello.txt HTTP/1.1\r\n", "Host: a\r\n\r\n"});
    EXPECT_EQ(client.outcome().deadline, std::nullopt);
    client.say({pass(1h), get("/hello.txt").substr(0, 5)});
    EXPECT_EQ(client.outcome().deadline, 10s);
}

TEST_F(HttpTest, IdleTimeoutIsSilent) {
    const Outcome outcome = plugin.serve({get("/hello.txt"), timeout});
    EXPECT_EQ(answers(outcome.output).size(), 1u);
    EXPECT_EQ(outcome.reason, "idle_timeout");
}

TEST_F(HttpTest, TheEndOfTheClientsInput) {
    EXPECT_EQ(plugin.serve({get("/hello.txt"), end}).reason, "peer_closed");
    const Outcome outcome = plugin.serve({"GET / HTTP/1.1\r\n", end});
    EXPECT_EQ(answers(outcome.output).at(0).body, "400 Bad Request\nThe request is not complete.\n");
}

TEST_F(HttpTest, DrainsIdleConnectionsAtOnce) {
    const Outcome outcome = plugin.serve({get("/hello.txt"), stopping});
    EXPECT_EQ(answers(outcome.output).at(0).fields.count("Connection"), 0u);
    EXPECT_EQ(outcome.reason, "drained");
}

TEST_F(HttpTest, DrainsAfterTheRequestThatHasBegun) {
    const std::string request = get("/hello.txt");
    const Outcome outcome = plugin.serve({request.substr(0, 20), stopping, request.substr(20) + request});
    ASSERT_EQ(answers(outcome.output).size(), 1u);
    EXPECT_EQ(answers(outcome.output)[0].body, hello);
    EXPECT_EQ(answers(outcome.output)[0].field("Connection"), "close");
    EXPECT_EQ(outcome.next, GATEHOUSE_NEXT_CLOSE);
}

TEST_F(HttpTest, AClientThatGoesAwayEndsTheConnection) {
    folder.write("large.bin", large_content());
    for (const std::size_t limit : {0u, 10u, 300u, 100'000u}) {
        const Outcome outcome = plugin.serve({get("/large.bin") + get("/large.bin")}, {.write_limit = limit});
        EXPECT_EQ(outcome.output.size(), limit);
        EXPECT_EQ(outcome.reason, "peer_reset");
    }
    EXPECT_EQ(plugin.serve({"GET /hel", reset}).reason, "peer_reset");
}

TEST_F(HttpTest, AFileThatShrinksEndsTheConnection) {
    // procfs says that its files are empty; sysfs says 4096 bytes and has fewer: a file that ends early.
    const fs::path early = "/sys/kernel/mm/transparent_hugepage/enabled";
    if (!fs::exists(early)) GTEST_SKIP() << "no sysfs";
    Plugin sys({{"root", early.parent_path().string()}});
    const Outcome outcome = sys.serve({get("/enabled")});
    EXPECT_EQ(outcome.next, GATEHOUSE_NEXT_ERROR);
    EXPECT_EQ(outcome.error, "a file became shorter while it was sent, or the connection failed");
}

TEST_F(HttpTest, ASlowReaderHasTimeBySize) {
    folder.write("large.bin", large_content());
    Plugin paced({{"root", folder.site().string()}, {"min_rate", "10KiB"}});
    const Circumstances slow{.room = 1000};
    const Outcome outcome = paced.serve({get("/large.bin", "Connection: close\r\n")}, slow);
    EXPECT_EQ(outcome.deadline, 30s + 19s);
    EXPECT_EQ(paced.serve({get("/large.bin", "Connection: close\r\n")}).deadline, std::nullopt); // it has taken all of it
    Plugin unpaced({{"root", folder.site().string()}, {"min_rate", "0"}});
    EXPECT_EQ(unpaced.serve({get("/large.bin", "Connection: close\r\n")}, slow).deadline, std::nullopt);
}

TEST_F(HttpTest, ASlowReaderHoldsNoThreadAndLosesNothing) {
    folder.write("large.bin", large_content());
    Plugin http({{"root", folder.site().string()}});
    const std::string requests = get("/large.bin") + get("/hello.txt") +
                                 get("/large.bin", "Range: bytes=0-9,100000-199999\r\n") + get("/none") +
                                 get("/hello.txt", "Connection: close\r\n");
    const auto without_dates = [](std::string output) { // a second may pass
        for (std::size_t at = 0; (at = output.find("\r\nDate: ", at)) != std::string::npos;)
            output.erase(at, output.find("\r\n", at + 2) - at);
        return output;
    };
    const std::string all = without_dates(http.serve({requests}).output);
    const Outcome slow = http.serve({requests}, {.room = 1000});
    EXPECT_EQ(answers(slow.output).size(), 5U);
    EXPECT_EQ(without_dates(slow.output), all);
    EXPECT_EQ(std::ranges::count(slow.events, GATEHOUSE_EVENT_SENT), 2);
    EXPECT_EQ(without_dates(http.serve({requests, end}, {.room = 1000}).output), all);
}

TEST_F(HttpTest, CacheControlIsConfigured) {
    Plugin cached({{"root", folder.site().string()}, {"cache_control", "max-age=60"}});
    EXPECT_EQ(answers(cached.serve({get("/hello.txt")}).output).at(0).field("Cache-Control"), "max-age=60");
    EXPECT_EQ(answers(cached.serve({get("/none")}).output).at(0).fields.count("Cache-Control"), 0u);
}

TEST_F(HttpTest, ContentTypesAreConfigured) {
    folder.write("page.own", "own");
    Plugin typed({{"root", folder.site().string()},
                  {"types", List{Table{{"type", "text/x-own;a=b"}, {"extensions", List{"OWN", "x"}}}}},
                  {"charset", "utf-8"}});
    EXPECT_EQ(answers(typed.serve({get("/page.own")}).output).at(0).field("Content-Type"), "text/x-own;a=b");
    EXPECT_EQ(answers(typed.serve({get("/hello.txt")}).output).at(0).field("Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(HttpTest, RefusesBadConfigurations) {
    const std::string root = folder.site().string();
    const std::string missing = "cannot open " + root + "/x: No such file or directory";
    EXPECT_EQ(Plugin::refusal({{"root", root + "/x"}}), missing + "\nroot: " + missing);
    const std::string file = "cannot open " + root + "/hello.txt: Not a directory";
    EXPECT_EQ(Plugin::refusal({{"root", root + "/hello.txt"}}), file + "\nroot: " + file);
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"index", "a/b"}}), "index: has to be the plain name of a file");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"cache_control", "a\r\nb"}}), "cache_control: has to be one line of text");
    const auto typed = [&](const char* type, const char* extension) {
        return Plugin::refusal({{"root", root}, {"types", List{Table{{"type", type}, {"extensions", List{extension}}}}}});
    };
    EXPECT_EQ(typed("text/html;", "html"), "types[0].type: has to be a media type such as \"text/html; charset=utf-8\"");
    for (const char* extension : {"", ".html", "a/b", "an extension of thirty-three bytes"})
        EXPECT_EQ(typed("text/html", extension),
                  "types[0].extensions: have to be names without a dot, such as \"html\", of up to 32 bytes");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"charset", "utf 8"}}), "charset: has to be a name such as \"utf-8\"");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"default_type", "text"}}),
              "default_type: has to be a media type such as \"text/plain\"");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"max_header", "100"}}),
              "max_header: out of range: \"100\" (expected a size from 256 to 1MiB)");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"max_target", "16KiB"}}), "max_target: has to be less than max_header");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"header_timeout", "soon"}}),
              "header_timeout: \"soon\" is not a duration such as \"30s\"");
    EXPECT_EQ(Plugin::refusal({{"root", root}, {"listings", true}}).substr(0, 21), "listings: unknown key");
}

TEST_F(HttpTest, RecognisesItsProtocol) {
    EXPECT_EQ(plugin.probe("GET / HTTP/1.1\r\n"), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(plugin.probe("OPTIONS *"), GATEHOUSE_MATCH_YES);
    for (const char* prefix : {"", "G", "GET", "P", "PO", "CONNEC", "CONNECT"})
        EXPECT_EQ(plugin.probe(prefix), GATEHOUSE_MATCH_MORE) << prefix;
    for (const char* other : {"X", "get /", "GETX", "PRI * HTTP/2.0", "\x16\x03\x01", "SSH-2.0", "*1\r\n$4\r\nPING"})
        EXPECT_EQ(plugin.probe(other), GATEHOUSE_MATCH_NO) << other;
}
