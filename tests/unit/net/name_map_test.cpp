#include "net/name_map.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

struct Read {
    explicit Read(const std::string& text) : map(text, problems) {}

    // "VALUE (LINE)", or "".
    std::string of(std::string_view name) const {
        const NameMap::Entry* const entry = map.find(ServerName(name));
        return entry != nullptr ? std::string(entry->value) + " (" + std::to_string(entry->line) + ')' : "";
    }

    std::vector<std::string> problems;
    NameMap map;
};

TEST(NameMap, FindsNamesAndTheLongestWildcard) {
    const Read read("# names\n"
                    "\n"
                    "Shop.Example.  10.0.7.3:8443 # a comment\n"
                    "*.example\tpool=all\n"
                    "*.shop.example [2001:db8::1]:443\n"
                    "a.shop.example unix:/run/a\n"
                    "srv.example srv:_https._tcp.example.org");
    EXPECT_EQ(read.problems, std::vector<std::string>{});
    EXPECT_EQ(read.map.entries().size(), 5U);
    EXPECT_EQ(read.of("shop.example"), "10.0.7.3:8443 (3)");
    EXPECT_EQ(read.of("SHOP.example."), "10.0.7.3:8443 (3)");
    EXPECT_EQ(read.of("blog.example"), "pool=all (4)");
    EXPECT_EQ(read.of("b.shop.example"), "[2001:db8::1]:443 (5)");
    EXPECT_EQ(read.of("c.b.shop.example"), "[2001:db8::1]:443 (5)");
    EXPECT_EQ(read.of("a.shop.example"), "unix:/run/a (6)");
    EXPECT_EQ(read.of("example"), "");
    EXPECT_EQ(read.of("notexample"), "");
    EXPECT_EQ(read.of(""), "");
    EXPECT_EQ(read.of("srv.example"), "srv:_https._tcp.example.org (7)");
}

// For routes, net/server_name.hpp says what a wildcard stands for: here it is the same.
TEST(NameMap, WildcardsAreThoseOfRoutes) {
    const Read read("*.example.org a=b\n");
    for (const char* name : {"www.example.org", "a.b.example.org", "example.org", ".example.org", "..example.org",
                             "a..example.org", "*.example.org", "wwwexample.org", "example.org.example", "org"})
        EXPECT_EQ(!read.of(name).empty(), fits_route_name("*.example.org", ServerName(name))) << name;
}

TEST(NameMap, NamesWhatIsWrongByItsLine) {
    const Read read("a.example 10.0.0.1:1\n"
                    "A.example. 10.0.0.2:1\n"
                    "b.example\n"
                    "c.example 10.0.0.1\n"
                    "d.example 10.0.0.1:1 10.0.0.2:1\n"
                    "e_.*.example 10.0.0.1:1\n"
                    "f.example *:443\n"
                    "g.example =x\n"
                    "h.example 10.0.0.1:0\n");
    EXPECT_EQ(problem_of_map_value("pool=a#b"), "\"pool=a#b\" has a '#', which begins a comment");
    const std::vector<std::string> begins{"2: \"a.example\" stands in line 1 as well",
                                          "3: the value is missing",
                                          "4: \"10.0.0.1\" has no port",
                                          "5: \"10.0.0.1:1 10.0.0.2:1\" is more than one word",
                                          "6: \"e_.*.example\" is not a server name",
                                          "7: \"*:443\" is no server's address",
                                          "8: \"=x\" has no port",
                                          "9: \"10.0.0.1:0\" is no server's address"};
    ASSERT_EQ(read.problems.size(), begins.size());
    for (std::size_t i = 0; i < begins.size(); ++i) EXPECT_TRUE(read.problems[i].starts_with(begins[i])) << read.problems[i];
    EXPECT_EQ(read.map.entries().size(), 1U);
}

TEST(NameMap, AsksForNoMoreThanAFewProblems) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "wrong\n";
    EXPECT_EQ(Read(text).problems.size(), 10U);
}

TEST(NameMap, AllOfManyAreFound) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "site" + std::to_string(i) + ".example 10.0.0.1:" + std::to_string(i + 1) + '\n';
    const Read read(text);
    for (int i = 0; i < 5000; ++i)
        ASSERT_EQ(read.of("site" + std::to_string(i) + ".example"),
                  "10.0.0.1:" + std::to_string(i + 1) + " (" + std::to_string(i + 1) + ')');
    EXPECT_EQ(read.of("site5000.example"), "");
}

} // namespace
} // namespace gatehouse::host
