// What a site does beside sending files, over the whole plugin and a fake host.
#include "../../passwords/turns.hpp"
#include "date.hpp"
#include "listing.hpp"
#include "site.hpp"
#include "test_site.hpp"

#include <memory>
#include <vector>

using namespace http;
using namespace http::test;
using namespace gatehouse::kit;

namespace {

class SiteTest : public HttpTest {
  public:
    // The answer of a plugin with these keys beside the root.
    Answer ask_with(const Table& keys, const std::string& request) {
        Plugin other(with(keys));
        std::string output = other.serve({request}).output;
        return take_answer(output, !request.starts_with("HEAD"));
    }
    Table with(const Table& keys) const {
        Table all = config();
        all.entries.insert(all.entries.end(), keys.entries.begin(), keys.entries.end());
        return all;
    }
    std::string refusal(const Table& keys) const { return Plugin::refusal(with(keys)); }
};

// "secret" by bcrypt, the cheapest there is; and the fields of a client that says so.
const std::string users = "ann:$2y$04$hvmEVqjma7DSKl0lo.b7BuMWMqJtuXNuhB3yhWB5QxobVUK64nyRe\n";
const std::string right = "Authorization: Basic YW5uOnNlY3JldA==\r\n"; // ann:secret
const std::string wrong = "Authorization: basic YW5uOlNlY3JldA==\r\n"; // ann:Secret

std::string get_from(const std::string& host, const std::string& target = "/") {
    return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

} // namespace

TEST_F(SiteTest, CacheRulesGoByTheFileThatIsSent) {
    folder.write("index.html", "home");
    folder.write("assets/a.css", "a");
    const Table keys{{"cache_control", "max-age=60"},
                     {"cache", List{Table{{"path", "/index.html"}, {"cache_control", "no-cache"}},
                                    Table{{"path", "/assets/*"}, {"cache_control", "immutable"}, {"expires", "1h"}}}}};
    EXPECT_EQ(ask_with(keys, get("/")).field("Cache-Control"), "no-cache");
    EXPECT_EQ(ask_with(keys, get("/hello.txt")).field("Cache-Control"), "max-age=60");
    const Answer asset = ask_with(keys, get("/assets/a.css"));
    EXPECT_EQ(asset.field("Cache-Control"), "immutable");
    const auto expires = parse_http_date(asset.field("Expires"), 0), date = parse_http_date(asset.field("Date"), 0);
    ASSERT_TRUE(expires && date);
    EXPECT_EQ(*expires - *date, 3600);
    const std::string none_match = "If-None-Match: " + asset.field("ETag") + "\r\n";
    const Answer again = ask_with(keys, get("/assets/a.css", none_match));
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.field("Cache-Control"), "immutable");
    EXPECT_EQ(refusal({{"cache", List{Table{{"path", "assets"}}}}}),
              "cache[0].path: has to be a path such as \"/assets/*\", with one \"*\" at most");
}

TEST_F(SiteTest, ErrorsHavePages) {
    folder.write("errors/404.html", "<p>not here");
    const Table keys{{"errors", List{Table{{"status", 404}, {"file", "/errors/404.html"}},
                                     Table{{"status", 405}, {"file", "/errors/missing.html"}}}}};
    const Answer answer = ask_with(keys, get("/none"));
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body, "<p>not here");
    EXPECT_EQ(answer.field("Content-Type"), "text/html");
    EXPECT_EQ(answer.fields.count("ETag"), 0u);
    const Answer head = ask_with(keys, "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(head.field("Content-Length"), "11");
    const Answer other = ask_with(keys, "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(other.body, "405 Method Not Allowed\nOnly GET and HEAD are served.\n") << "the page is missing";
    EXPECT_EQ(other.field("Allow"), "GET, HEAD");
}

TEST_F(SiteTest, AFallbackStandsForWhatIsNotThere) {
    folder.write("index.html", "app");
    fs::create_directories(folder.site() / "empty");
    const Table keys{{"fallback", "/index.html"}};
    for (const char* path : {"/users/7", "/users/7/", "/empty/", "/"}) {
        const Answer answer = ask_with(keys, get(path));
        EXPECT_EQ(answer.status, 200) << path;
        EXPECT_EQ(answer.body, "app") << path;
        EXPECT_EQ(answer.field("Content-Type"), "text/html") << path;
    }
    EXPECT_EQ(ask_with(keys, get("/hello.txt")).body, "hello, world\n");
    EXPECT_EQ(ask_with(keys, get("/.git/config")).status, 404);
    EXPECT_EQ(ask_with({{"fallback", "/gone.html"}}, get("/x")).status, 404);
}

TEST_F(SiteTest, Redirects) {
    const Table keys{
        {"redirects", List{Table{{"from", "/old"}, {"to", "/new"}}, Table{{"from", "/a*"}, {"to", "/*"}, {"status", 308}},
                           Table{{"from", "/part"}, {"to", "/new#part"}}, Table{{"from", "/mark"}, {"to", "/new#?"}},
                           Table{{"from", "/blog/*"}, {"to", "https://blog.example/*?from=here"}}}}};
    const auto location = [&](const std::string& path) { return ask_with(keys, get(path)).field("Location"); };
    EXPECT_EQ(location("/old?x=1"), "/new?x=1");
    EXPECT_EQ(location("/blog/a%20b/?x=1"), "https://blog.example/a%20b/?from=here");
    EXPECT_EQ(location("/part?x=1"), "/new?x=1#part");
    EXPECT_EQ(location("/mark?x=1"), "/new?x=1#?");
    EXPECT_EQ(ask_with(keys, get("/abc")).status, 308);
    EXPECT_EQ(location("/a/evil.example"), "/evil.example") << "must not lead to another host";
    EXPECT_EQ(location("/a%5Cevil.example"), "/%5Cevil.example");
    EXPECT_EQ(location("/a%0D%0AX:1"), "/%0D%0AX:1");
    EXPECT_EQ(ask_with(keys, get("/hello.txt")).status, 200);
    for (const char* to : {"new", "//evil.example/", "https://a.example*", "https:///x", "/a b", "/*/*"})
        EXPECT_EQ(refusal({{"redirects", List{Table{{"from", "/x*"}, {"to", to}}}}}),
                  "redirects[0].to: has to be a path such as \"/new/*\" or a URL such as \"https://a.example/*\"")
            << to;
    EXPECT_EQ(refusal({{"redirects", List{Table{{"from", "/x"}, {"to", "/y"}, {"status", 304}}}}}),
              "redirects[0].status: has to be 301, 302, 303, 307 or 308");
}

TEST_F(SiteTest, SitesGoByTheirHosts) {
    const Folder one, two;
    one.write("index.html", "one");
    two.write("index.html", "two");
    folder.write("index.html", "default");
    const Table keys{{"sites", List{Table{{"hosts", List{"one.example", "[::1]"}}, {"root", one.site().string()}},
                                    Table{{"hosts", List{"*.example"}}, {"root", two.site().string()}},
                                    Table{{"hosts", List{"old.one.example"}},
                                          {"redirects", List{Table{{"from", "/*"}, {"to", "https://one.example/*"}}}}}}}};
    const auto body = [&](const std::string& request) { return ask_with(keys, request).body; };
    EXPECT_EQ(body(get_from("one.example")), "one");
    EXPECT_EQ(body(get_from("ONE.Example.:8080")), "one");
    EXPECT_EQ(body(get_from("[::1]:8080")), "one");
    EXPECT_EQ(body(get_from("www.one.example")), "two");
    EXPECT_EQ(body(get_from("example")), "default") << "no dot before it";
    EXPECT_EQ(body(get_from("other.test")), "default");
    EXPECT_EQ(body(get_from("other.test", "http://one.example/")), "one") << "RFC 9112 §3.2.2";
    EXPECT_EQ(body("GET / HTTP/1.0\r\n\r\n"), "default");
    EXPECT_EQ(ask_with(keys, get_from("old.one.example", "/x?y")).field("Location"), "https://one.example/x?y");

    Plugin strict({{"sites", List{Table{{"hosts", List{"one.example"}}, {"root", one.site().string()}}}}});
    EXPECT_EQ(answers(strict.serve({get_from("one.example") + get_from("other.test")}).output).at(1).status, 421);
    EXPECT_EQ(Plugin::refusal({}), "root: missing (expected a folder such as \"/srv/www\", or `sites`)");
    EXPECT_EQ(refusal({{"sites", List{Table{{"hosts", List{"a", "A."}}, {"root", one.site().string()}}}}}),
              "sites[0].hosts[1]: is the name of another site, too");
    EXPECT_EQ(refusal({{"sites", List{Table{{"hosts", List{"a*.b"}}, {"root", one.site().string()}}}}}),
              "sites[0].hosts[0]: has to be a name such as \"a.example\" or \"*.a.example\"");
    EXPECT_EQ(refusal({{"sites", List{Table{{"hosts", List{"a"}}}}}}),
              "sites[0].root: missing (expected a folder, or `redirects`)");
    EXPECT_EQ(Plugin::refusal({{"listing", true}, {"sites", List{Table{{"hosts", List{"a"}}, {"root", one.site().string()}}}}}),
              "listing: without effect (expected `root` beside it, or the same in each of `sites`)");
}

TEST_F(SiteTest, ListsAFolderForPeople) {
    folder.write("d/b & <c>.txt", "12345");
    folder.write("d/.hidden", "x");
    fs::create_directories(folder.site() / "d/sub");
    fs::create_symlink("../hello.txt", folder.site() / "d/inside");
    fs::create_symlink("../../secret.txt", folder.site() / "d/outside");
    const Table keys{{"listing", true}};
    const Answer answer = ask_with(keys, get("/d/"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(answer.field("Vary"), "Accept");
    EXPECT_NE(answer.body.find("<a href=\"./sub/\">sub/</a>"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("<a href=\"./b%20&amp;%20%3Cc%3E.txt\">b &amp; &lt;c&gt;.txt</a></td><td>5<"), std::string::npos)
        << answer.body;
    EXPECT_NE(answer.body.find("inside"), std::string::npos);
    EXPECT_EQ(answer.body.find("outside"), std::string::npos);
    EXPECT_EQ(answer.body.find("hidden"), std::string::npos);
    EXPECT_EQ(ask_with(keys, get("/d")).status, 301);
    EXPECT_EQ(ask_with(keys, get("/none/")).status, 404);
    EXPECT_EQ(ask_with(keys, get("/hello.txt/")).status, 404);
    EXPECT_EQ(ask(get("/d/")).status, 404) << "nobody has asked for listings";
}

TEST_F(SiteTest, ListsAFolderForPrograms) {
    folder.write("d/a\"\xff\xc3\xbc\n", "12345");
    const Table keys{{"listing", true}};
    const Answer answer = ask_with(keys, get("/d/", "Accept: text/html;q=0.5, application/json\r\n"));
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_TRUE(answer.body.starts_with("[\n{\"name\":\"a\\\"\xEF\xBF\xBD\xc3\xbc\\u000a\",\"type\":\"file\",\"size\":5,"
                                        "\"modified\":\""))
        << answer.body;
    fs::create_directories(folder.site() / "empty");
    EXPECT_EQ(ask_with(keys, get("/empty/", "Accept: application/json\r\n")).body, "[\n]\n");
}

TEST_F(SiteTest, AListingIsBounded) {
    folder.write("second", "2");
    for (const std::size_t most : {1u, 2u}) {
        Listing listing;
        EXPECT_EQ(DocumentRoot(folder.site().string()).list("", most, listing), OpenResult::directory);
        EXPECT_EQ(listing.entries.size(), most);
        EXPECT_EQ(listing.complete, most == 2);
        EXPECT_EQ(listing_page("", listing).find("There are more") == std::string::npos, most == 2);
    }
}

// --- auth ----------------------------------------------------------------------------------------------------------------

TEST_F(SiteTest, APartOfASiteIsForUsersOnly) {
    folder.write("admin/index.html", "admin");
    folder.write("../users", users);
    const Table keys{{"auth", Table{{"users_file", (folder.site() / "../users").string()},
                                    {"realm", "the back room"},
                                    {"paths", List{"/admin/*"}}}}};
    EXPECT_EQ(ask_with(keys, get("/hello.txt")).status, 200);
    for (const std::string& fields :
         {std::string(), wrong, std::string("Authorization: Bearer YW5uOnNlY3JldA==\r\n"),
          std::string("Authorization: Basic !\r\n"), std::string("Authorization: Basic YW5u\r\n")}) {
        const Answer answer = ask_with(keys, get("/x/..//admin/%2e/", fields));
        EXPECT_EQ(answer.status, 401) << fields;
        EXPECT_EQ(answer.field("WWW-Authenticate"), "Basic realm=\"the back room\", charset=\"UTF-8\"");
    }
    Plugin plugin(with(keys));
    const std::vector<Answer> all =
        answers(plugin.serve({get("/admin/", right) + get("/admin/", wrong) + get("/admin/", right)}).output);
    ASSERT_EQ(all.size(), 2u) << "a connection is good for one wrong password";
    EXPECT_EQ(all[0].body, "admin");
    EXPECT_EQ(all[1].status, 401) << "what is remembered is the password, not the user";
    EXPECT_EQ(all[1].field("Connection"), "close");
    const std::vector<Answer> unasked = answers(plugin.serve({get("/admin/") + get("/admin/", right)}).output);
    ASSERT_EQ(unasked.size(), 2u) << "without one the client learns that it needs one";
    EXPECT_EQ(unasked[1].body, "admin");
    EXPECT_EQ(refusal({{"auth", Table{{"users_file", "/nonexistent/users"}}}}),
              "auth.users_file: /nonexistent/users: cannot be read");
}

TEST_F(SiteTest, APasswordWaitsForItsTurnWithoutAThread) {
    using passwords::Turns;
    folder.write("../users", users);
    Plugin plugin(with({{"auth", Table{{"users_file", (folder.site() / "../users").string()}}}}));
    std::vector<std::unique_ptr<Turns::Turn>> taken;
    do taken.push_back(std::make_unique<Turns::Turn>(Turns::of_library(), [] {}));
    while (taken.back()->state() == Turns::Turn::State::here);
    taken.pop_back();
    const std::string request = get("/hello.txt", right);
    auto late = plugin.serve({request, pass(std::chrono::seconds(11))});
    EXPECT_EQ(late.reason, "deadline");
    EXPECT_EQ(take_answer(late.output).status, 503);
    Client whole = plugin.connect(), pieces = plugin.connect();
    whole.say({request + get("/none", right)});
    pieces.say({request.substr(0, 20), request.substr(20)});
    for (Client* client : {&whole, &pieces}) {
        EXPECT_EQ(client->heard(), "");
        EXPECT_EQ(client->outcome().next, GATEHOUSE_NEXT_WAIT);
    }
    taken.clear();
    static_cast<void>(plugin.serve({end})); // the fake host serves those that were woken when it is called
    const std::vector<Answer> both = answers(whole.heard());
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(both[0].body, "hello, world\n");
    EXPECT_EQ(both[1].status, 404);
    EXPECT_EQ(answers(pieces.heard()).at(0).body, "hello, world\n");
    whole.say({get("/hello.txt", right)});
    EXPECT_EQ(answers(whole.heard()).at(0).status, 200) << "it has no deadline left of that";
}
