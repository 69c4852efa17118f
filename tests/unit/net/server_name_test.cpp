#include "net/server_name.hpp"

#include <gtest/gtest.h>
#include <string>

namespace gatehouse::host {
namespace {

std::string normal(std::string_view text) { return std::string(ServerName(text).text()); }

TEST(ServerName, HasOneNormalForm) {
    EXPECT_EQ(normal("www.example.org"), "www.example.org");
    EXPECT_EQ(normal("WWW.Example.ORG"), "www.example.org");
    EXPECT_EQ(normal("www.example.org."), "www.example.org");
    EXPECT_EQ(normal("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(normal("2001:DB8::1"), "2001:db8::1");
    EXPECT_EQ(normal("fe80::1%eth0"), "fe80::1");
    EXPECT_EQ(normal("fe80::1%Eth0.5."), "fe80::1");
    EXPECT_EQ(normal("50%.example"), "50%.example");   // no address, so no zone
    EXPECT_EQ(normal("\xC4.example"), "\xC4.example"); // letters of ASCII only
    for (const char* nothing : {"", "."}) {
        EXPECT_EQ(normal(nothing), "");
        EXPECT_TRUE(ServerName(nothing).empty());
    }
}

TEST(ServerName, IsNoLongerThanNamesAre) {
    EXPECT_EQ(normal(std::string(253, 'x')), std::string(253, 'x'));
    EXPECT_EQ(normal(std::string(253, 'x') + "."), std::string(253, 'x'));
    for (const std::size_t size : {254U, 255U, 256U, 70'000U}) EXPECT_EQ(normal(std::string(size, 'x')), "");
}

TEST(ServerName, HasAParent) {
    EXPECT_EQ(ServerName("www.Example.org.").parent(), "example.org");
    EXPECT_EQ(ServerName("org").parent(), "");
    EXPECT_EQ(ServerName(".example").parent(), "");
    EXPECT_EQ(ServerName("").parent(), "");
}

TEST(RouteNames, AreEqualOrBelowTheWildcard) {
    const auto fits = [](std::string_view pattern, std::string_view name) {
        return fits_route_name(pattern, ServerName(name));
    };
    EXPECT_TRUE(fits("a.example", "A.Example"));
    EXPECT_TRUE(fits("a.example", "a.example."));
    EXPECT_FALSE(fits("a.example", "b.a.example"));
    EXPECT_FALSE(fits("a.example", ""));
    EXPECT_FALSE(fits("a.example", "a.exampl"));
    EXPECT_TRUE(fits("*.example", "a.example"));
    EXPECT_TRUE(fits("*.example", "B.A.example."));
    EXPECT_FALSE(fits("*.example", "example"));
    EXPECT_FALSE(fits("*.example", ".example"));
    EXPECT_FALSE(fits("*.example", "aexample"));
    EXPECT_FALSE(fits("*.example", std::string(250, 'x') + ".example")); // too long for a name
}

} // namespace
} // namespace gatehouse::host
