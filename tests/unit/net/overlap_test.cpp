#include "net/overlap.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

struct Socket {
    const char* address;
    bool ipv6_only = false;
};

bool overlapping(const Socket& one, const Socket& two) {
    std::string error;
    const SocketAddress a = *numeric_address(*parse_address(one.address, error));
    const SocketAddress b = *numeric_address(*parse_address(two.address, error));
    const bool result = overlap(a, one.ipv6_only, b, two.ipv6_only);
    EXPECT_EQ(result, overlap(b, two.ipv6_only, a, one.ipv6_only)) << one.address << ' ' << two.address;
    return result;
}

TEST(Overlap, OfTheSameAddressAndOfOneThatIsPartOfTheOther) {
    for (const auto& [one, two] : std::vector<std::pair<Socket, Socket>>{{{"127.0.0.1:80"}, {"127.0.0.1:80"}},
                                                                         {{"127.0.0.1:80"}, {"0.0.0.0:80"}},
                                                                         {{"127.0.0.1:80"}, {"[::]:80"}},
                                                                         {{"127.0.0.1:80"}, {"*:80"}},
                                                                         {{"0.0.0.0:80"}, {"[::]:80"}},
                                                                         {{"127.0.0.1:80"}, {"[::ffff:127.0.0.1]:80"}},
                                                                         {{"0.0.0.0:80"}, {"[::ffff:127.0.0.1]:80"}},
                                                                         {{"[::1]:80"}, {"[::]:80"}},
                                                                         {{"[::1]:80"}, {"[::]:80", true}},
                                                                         {{"unix:/run/a"}, {"unix:/run/a"}}})
        EXPECT_TRUE(overlapping(one, two)) << one.address << ' ' << two.address;
}

TEST(Overlap, OfOthersThereIsNone) {
    for (const auto& [one, two] : std::vector<std::pair<Socket, Socket>>{{{"127.0.0.1:80"}, {"127.0.0.1:81"}},
                                                                         {{"127.0.0.1:80"}, {"127.0.0.2:80"}},
                                                                         {{"127.0.0.1:0"}, {"127.0.0.1:0"}},
                                                                         {{"0.0.0.0:80"}, {"[::]:80", true}},
                                                                         {{"0.0.0.0:80"}, {"[::1]:80"}},
                                                                         {{"[::1]:80"}, {"[::2]:80"}},
                                                                         {{"127.0.0.1:80"}, {"[::1]:80"}},
                                                                         {{"unix:/run/a"}, {"unix:/run/b"}},
                                                                         {{"unix:/run/a"}, {"127.0.0.1:80"}}})
        EXPECT_FALSE(overlapping(one, two)) << one.address << ' ' << two.address;
}

} // namespace
} // namespace gatehouse::host
