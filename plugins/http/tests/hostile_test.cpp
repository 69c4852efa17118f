// Hostile clients: paths out of the folder, and requests that the test breaks at random.
#include "test_site.hpp"

#include <array>
#include <fcntl.h>
#include <random>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

using namespace http::test;
using namespace gatehouse::kit;

namespace {

class HostileTest : public HttpTest {
  protected:
    // No request may get the file beside the folder.
    int status_of(const std::string& target) {
        const Answer answer = ask(get(target));
        EXPECT_EQ(answer.body.find("secret\n"), std::string::npos) << target;
        EXPECT_NE(answer.body, "secret") << target;
        return answer.status;
    }
};

} // namespace

// One of each class that is malformed, or that readers disagree about: RFC 9110, 9112, 3986.
const char* const malformed[] = {
    // the request line
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n",
    " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET /\r\nHost: a\r\n\r\n",
    "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http:///t HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    // Host
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    // fields
    "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n",
    "GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: z\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX(: y\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
    // framing
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    // chunks
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX : y\r\n\r\n",
    // what is not HTTP at all
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "hello\n",
};

// By itself and behind a good request: not a byte of the answers depends on how it comes, nor how the connection ends.
TEST_F(HostileTest, TheSameHoweverWhatIsMalformedIsSplit) {
    for (const std::string input : malformed) {
        for (const std::string& before : {std::string(), get("/hello.txt")}) {
            const auto look = [&](const Script& script) {
                const auto outcome = plugin.serve(script);
                return std::tuple(without_dates(outcome.output), outcome.next, outcome.reason, outcome.open, outcome.error);
            };
            const auto whole = look({before + input});
            const std::string& answers = std::get<0>(whole); // the last one may have no body: it may answer a HEAD
            EXPECT_GE(answers.substr(answers.rfind("HTTP/1.1 ") + 9, 1), "4") << input;
            for_each_split(before + input, [&](const Script& script) { ASSERT_EQ(look(script), whole) << input; });
        }
    }
}

TEST_F(HostileTest, PathsStayBeneathTheRoot) {
    for (const char* target :
         {"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "//../secret.txt",
          "/x/../../secret.txt", "/hello.txt/../../secret.txt", "/..%00/secret.txt", "/%2e%2e%00", "http://a/../secret.txt",
          "/..;/secret.txt", "/%252e%252e/secret.txt", "/..%5csecret.txt", "/..\\secret.txt", "/%c0%ae%c0%ae/secret.txt"})
        EXPECT_GE(status_of(target), 400) << target;
}

TEST_F(HostileTest, LinksAreFollowedOnlyBeneathTheRoot) {
    fs::create_symlink("hello.txt", folder.site() / "inside");
    fs::create_directories(folder.site() / "deep/er");
    fs::create_symlink("../../hello.txt", folder.site() / "deep/er/up");
    fs::create_symlink("../secret.txt", folder.site() / "outside");
    fs::create_symlink(folder.site() / "hello.txt", folder.site() / "absolute");
    fs::create_symlink("..", folder.site() / "parent");
    fs::create_symlink("/", folder.site() / "slash");
    fs::create_symlink("/proc/self/root", folder.site() / "magic");
    fs::create_symlink("loop", folder.site() / "loop");
    EXPECT_EQ(status_of("/inside"), 200);
    EXPECT_EQ(status_of("/deep/er/up"), 200);
    for (const char* target : {"/outside", "/absolute", "/parent", "/parent/secret.txt", "/parent/site/hello.txt", "/slash",
                               "/slash/etc/passwd", "/magic", "/magic/etc/passwd", "/loop", "/loop/x"})
        EXPECT_EQ(status_of(target), 404) << target;
}

TEST_F(HostileTest, HiddenFilesAreNotThere) {
    folder.write(".git/config", "secret");
    folder.write("sub/.htpasswd", "secret");
    folder.write(".well-known/security.txt", "public");
    EXPECT_EQ(status_of("/.git/config"), 404);
    EXPECT_EQ(status_of("/%2egit/config"), 404);
    EXPECT_EQ(status_of("/sub/.htpasswd"), 404);
    EXPECT_EQ(ask(get("/.well-known/security.txt")).body, "public");
}

TEST_F(HostileTest, SpecialFilesAreNotServed) {
    ASSERT_EQ(::mkfifo((folder.site() / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(status_of("/fifo"), 404) << "and opening it must not wait for a writer";
    // A writer must not find a reader that goes away at once.
    const int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ASSERT_GE(::inotify_add_watch(watch, (folder.site() / "fifo").c_str(), IN_OPEN), 0);
    EXPECT_EQ(status_of("/fifo"), 404);
    std::array<char, 256> events;
    EXPECT_EQ(::read(watch, events.data(), events.size()), -1) << "the FIFO was opened";
    ::close(watch);
    EXPECT_EQ(status_of("/" + std::string(300, 'x')), 404);
    EXPECT_EQ(status_of("/" + std::string(2000, 'x') + "/" + std::string(3000, 'y')), 404);
    std::string deep;
    for (int i = 0; i < 2000; ++i) deep += "/a";
    EXPECT_EQ(status_of(deep), 404);
}

TEST_F(HostileTest, PipeliningIsBounded) {
    std::string requests;
    for (int i = 0; i < 5000; ++i) requests += get("/hello.txt");
    const auto all = answers(plugin.serve({requests}).output);
    ASSERT_EQ(all.size(), 5000u);
    for (const Answer& answer : all) ASSERT_EQ(answer.body, "hello, world\n");
}

// Seeded, so that a failure can be repeated. For any bytes: no crash, and the output is a series of answers.
TEST_F(HostileTest, RandomMutationsAreAnsweredOrRefused) {
    const std::string seeds[] = {
        get("/hello.txt", "Range: bytes=0-1,-2\r\nIf-None-Match: \"a\", W/\"b\"\r\nIf-Range: \"x\"\r\n"),
        get("/hello.txt", "Content-Length: 12\r\n") + "hello, world" + get("/"),
        get("/hello.txt", "Transfer-Encoding: chunked\r\n") +
            "5;a=\"b\"\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n" + get("/x/../hello.txt?q#f"),
        get("/%2e%2e/hello.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: keep-alive, close\r\n"),
        "GET http://example.org/hello.txt HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    };
    const std::string_view pieces[] = {"\r\n",
                                       "\n",
                                       "\r",
                                       " ",
                                       "\t",
                                       ":",
                                       "0",
                                       "-",
                                       ",",
                                       "\"",
                                       "%",
                                       "/",
                                       "..",
                                       "ffffffffffffffff",
                                       "18446744073709551616",
                                       "chunked",
                                       "Transfer-Encoding: ",
                                       "Content-Length: 1\r\n",
                                       "\r\n\r\n"};
    std::mt19937 random(20'240'607);
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    for (int round = 0; round < 6000; ++round) {
        std::string input = seeds[below(std::size(seeds))];
        for (std::size_t change = 1 + below(4); change > 0 && !input.empty(); --change) {
            const std::size_t at = below(input.size());
            switch (below(5)) {
            case 0:
                input[at] = static_cast<char>(random());
                break;
            case 1:
                input.insert(at, pieces[below(std::size(pieces))]);
                break;
            case 2:
                input.erase(at, 1 + below(8));
                break;
            case 3:
                input.insert(at, input.substr(below(input.size()), below(40)));
                break;
            default:
                input.resize(at + 1);
                break;
            }
        }
        Script script;
        for (std::size_t at = 0; at < input.size();) {
            const std::size_t size = 1 + below(input.size());
            script.emplace_back(input.substr(at, size));
            at += size;
        }
        const std::string whole = without_dates(plugin.serve({input}).output);
        ASSERT_TRUE(whole.empty() || whole.starts_with("HTTP/1.1 ")) << input;
        // "100 Continue" depends on how the bytes arrive; nothing else may.
        if (input.find("100-continue") == std::string::npos) {
            ASSERT_EQ(without_dates(plugin.serve(script).output), whole) << input;
        }
    }
}
