#include "gate.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/un.h>
#include <vector>

using namespace admin;

namespace {

bool local(const std::string& text) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    if (::inet_pton(AF_INET, text.c_str(), &in.sin_addr) == 1) return is_local(std::as_bytes(std::span(&in, 1)));
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr), 1) << text;
    return is_local(std::as_bytes(std::span(&in6, 1)));
}

const std::vector<std::string> names{"admin.example"};

} // namespace

TEST(Gate, KnowsThisMachine) {
    for (const char* text : {"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"}) EXPECT_TRUE(local(text)) << text;
    for (const char* text : {"128.0.0.1", "10.0.0.127", "::", "::2", "::ffff:10.0.0.1", "7f00::1"})
        EXPECT_FALSE(local(text)) << text;
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    EXPECT_TRUE(is_local(std::as_bytes(std::span(&un, 1))));
    EXPECT_FALSE(is_local({}));
}

// A page of a stranger can make a browser ask by any name, but not by an address, or by a name that is not the stranger's.
TEST(Gate, KnowsItsOwnNames) {
    for (const char* own :
         {"127.0.0.1:9901", "192.0.2.7", "[::1]:9901", "[::1]", "localhost", "LocalHost:9901", "admin.EXAMPLE:1"})
        EXPECT_TRUE(is_own_host(own, names)) << own;
    for (const char* other : {"", "rebound.example", "127.0.0.1.rebound.example", "localhost.rebound.example", "1admin.example",
                              "[::1", "[]", "999.0.0.1", "127.0.0.1@rebound.example"})
        EXPECT_FALSE(is_own_host(other, names)) << other;
}

TEST(Gate, AnOriginIsThePageOfTheHost) {
    EXPECT_TRUE(is_same_origin("http://localhost:9901", "localhost:9901"));
    EXPECT_TRUE(is_same_origin("https://admin.example", "Admin.example"));
    for (const char* other : {"null", "", "http://localhost:3000", "http://localhost", "http://evil.example", "localhost:9901"})
        EXPECT_FALSE(is_same_origin(other, "localhost:9901")) << other;
}

TEST(Gate, ATokenHasToBeTheWholeOne) {
    const std::string token = "0123456789abcdef";
    EXPECT_TRUE(has_token("Bearer " + token, token));
    EXPECT_TRUE(has_token("bearer " + token, token));
    for (const std::string& wrong :
         std::vector<std::string>{"Bearer ", token, "Bearer " + token + token, "Bearer " + token.substr(1), "Basic " + token,
                                  "Bearer 0123456789abcdeF", "Bearer  " + token})
        EXPECT_FALSE(has_token(wrong, token)) << wrong;
    EXPECT_FALSE(has_token("Bearer ", ""));
}
