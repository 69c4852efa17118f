#include "net/network.hpp"

#include "sanitizer.hpp"

#include "base/clock.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <random>

namespace gatehouse::host {
namespace {

Network network(std::string_view text) {
    std::string error;
    const std::optional<Network> result = parse_network(text, error);
    EXPECT_TRUE(result) << error;
    return result.value_or(Network());
}

IpAddress address(std::string_view text) {
    const std::optional<IpAddress> result = parse_ip_address(text);
    EXPECT_TRUE(result) << text;
    return result.value_or(IpAddress());
}

std::string network_error(std::string_view text) {
    std::string error;
    EXPECT_FALSE(parse_network(text, error)) << text;
    return error;
}

TEST(IpAddress, OfASocketAddress) {
    SocketAddress socket;
    auto& v4 = reinterpret_cast<sockaddr_in&>(socket.storage);
    v4.sin_family = AF_INET;
    ::inet_pton(AF_INET, "192.0.2.7", &v4.sin_addr);
    EXPECT_EQ(ip_address(socket), address("192.0.2.7"));
    auto& v6 = reinterpret_cast<sockaddr_in6&>(socket.storage);
    v6 = sockaddr_in6{};
    v6.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
    EXPECT_EQ(ip_address(socket), address("2001:db8::7"));
    ::inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr);
    EXPECT_EQ(ip_address(socket), address("192.0.2.7"));
    socket.storage.ss_family = AF_UNIX;
    EXPECT_EQ(ip_address(socket), std::nullopt);
}

TEST(IpAddress, ReadsAndWritesItsText) {
    for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::ff00:42:8329", "fe80::1"})
        EXPECT_EQ(to_string(address(text)), text);
    EXPECT_EQ(to_string(address("::ffff:192.0.2.1")), "192.0.2.1");
    for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "[::1]", "fe80::1%eth0",
                             "::1::", "localhost", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"})
        EXPECT_EQ(parse_ip_address(text), std::nullopt) << text;
    EXPECT_EQ(parse_ip_address(std::string_view("1.2.3.4\0", 8)), std::nullopt);
}

TEST(Network, ReadsAndWritesItsText) {
    for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.128/25", "192.0.2.1", "::/0", "2001:db8::/32",
                             "2001:db8:0:1::/64", "2001:db8::8000:0/97", "2001:db8::1"})
        EXPECT_EQ(to_string(network(text)), text);
    EXPECT_EQ(to_string(network("192.0.2.1/32")), "192.0.2.1");
    EXPECT_EQ(to_string(network("::1/128")), "::1");
}

TEST(Network, MappedOnesAreIpv4) {
    EXPECT_EQ(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
    EXPECT_EQ(network("::ffff:0:0/96"), network("0.0.0.0/0"));
    EXPECT_EQ(network("::ffff:192.0.2.1"), network("192.0.2.1"));
}

TEST(Network, SaysWhatIsWrong) {
    const std::string is_not =
        " is not a network (expected a network such as \"192.0.2.0/24\" or \"2001:db8::/32\", or an address)";
    for (const std::string text : {"", "x", "/8", "10.0/16", "10.0.0.0:80", "[::1]/128", "fe80::%1/64", "10.0.0.0 /8"})
        EXPECT_EQ(network_error(text), '"' + text + '"' + is_not);
    for (const std::string length : {"", "33", "-1", "+8", "8 ", "0x8", "255.0.0.0", "4294967304", "0008"})
        EXPECT_EQ(network_error("10.0.0.0/" + length),
                  "\"10.0.0.0/" + length + R"(" has no valid length behind the "/" (expected a number of bits from 0 to 32))");
    EXPECT_EQ(network_error("::/129"),
              R"("::/129" has no valid length behind the "/" (expected a number of bits from 0 to 128))");
}

TEST(Network, WithHostBitsNamesTheRightOne) {
    const auto expect = [](const std::string& text, const std::string& meant) {
        EXPECT_EQ(network_error(text),
                  '"' + text + "\" has bits set beyond its length (expected the network's first address: \"" + meant + "\")");
    };
    expect("10.1.2.3/8", "10.0.0.0/8");
    expect("192.0.2.255/31", "192.0.2.254/31");
    expect("1.2.3.4/0", "0.0.0.0/0");
    expect("2001:db8::1/64", "2001:db8::/64");
    expect("2001:db8::1/127", "2001:db8::/127");
    expect("::ffff:10.1.0.0/104", "10.0.0.0/8");
    expect("::ffff:10.0.0.0/88", "::ff00:0:0/88");
}

TEST(Network, Contains) {
    EXPECT_TRUE(network("10.0.0.0/8").contains(address("10.255.255.255")));
    EXPECT_FALSE(network("10.0.0.0/8").contains(address("11.0.0.0")));
    EXPECT_FALSE(network("0.0.0.0/0").contains(address("::")));
    EXPECT_FALSE(network("::/0").contains(address("0.0.0.0")));
    EXPECT_TRUE(network("::/0").contains(network("2001:db8::/32")));
    EXPECT_TRUE(network("10.0.0.0/8").contains(network("10.0.0.0/8")));
    EXPECT_FALSE(network("10.0.0.0/9").contains(network("10.0.0.0/8")));
}

TEST(NetworkTable, TheNarrowestNetworkCounts) {
    const NetworkTable table({{network("10.0.0.0/8"), 1},
                              {network("10.1.0.0/16"), 2},
                              {network("10.1.2.3"), 3},
                              {network("2001:db8::/32"), 4},
                              {network("2001:db8:ffff:ffff::/64"), 5},
                              {network("10.1.0.0/16"), 9}}); // a second time: does not count
    const auto find = [&](std::string_view text) { return table.find(address(text)); };
    EXPECT_EQ(find("9.255.255.255"), std::nullopt);
    EXPECT_EQ(find("10.0.0.0"), 1U);
    EXPECT_EQ(find("10.0.255.255"), 1U);
    EXPECT_EQ(find("10.1.0.0"), 2U);
    EXPECT_EQ(find("10.1.2.2"), 2U);
    EXPECT_EQ(find("10.1.2.3"), 3U);
    EXPECT_EQ(find("10.1.2.4"), 2U);
    EXPECT_EQ(find("10.2.0.0"), 1U);
    EXPECT_EQ(find("10.255.255.255"), 1U);
    EXPECT_EQ(find("11.0.0.0"), std::nullopt);
    EXPECT_EQ(find("2001:db7:ffff::"), std::nullopt);
    EXPECT_EQ(find("2001:db8::"), 4U);
    EXPECT_EQ(find("2001:db8:ffff:ffff::1"), 5U);
    EXPECT_EQ(find("2001:db9::"), std::nullopt);
    EXPECT_EQ(find("::ffff:10.1.2.3"), 3U);
    EXPECT_EQ(find("::10.1.2.3"), std::nullopt); // not a mapped one
}

TEST(NetworkTable, AtTheEndsOfTheAddressSpace) {
    const NetworkTable table({{network("255.255.255.255"), 1},
                              {network("0.0.0.0"), 2},
                              {network("128.0.0.0/1"), 3},
                              {network("::/0"), 4},
                              {network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 5},
                              {network("ffff:ffff:ffff:ffff::/64"), 6}});
    EXPECT_EQ(table.find(address("0.0.0.0")), 2U);
    EXPECT_EQ(table.find(address("0.0.0.1")), std::nullopt);
    EXPECT_EQ(table.find(address("255.255.255.254")), 3U);
    EXPECT_EQ(table.find(address("255.255.255.255")), 1U);
    EXPECT_EQ(table.find(address("::")), 4U);
    EXPECT_EQ(table.find(address("ffff:ffff:ffff:fffe:ffff:ffff:ffff:ffff")), 4U);
    EXPECT_EQ(table.find(address("ffff:ffff:ffff:ffff::")), 6U);
    EXPECT_EQ(table.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), 5U);
}

TEST(NetworkTable, Empty) {
    EXPECT_TRUE(NetworkTable().empty());
    EXPECT_FALSE(NetworkTable({{network("::1"), 0}}).empty());
    EXPECT_EQ(NetworkTable().find(address("10.0.0.1")), std::nullopt);
    EXPECT_EQ(NetworkTable().find(address("::1")), std::nullopt);
}

TEST(NetworkTable, KnowsWhichValuesAnAddressHas) {
    const NetworkTable table(
        {{network("10.0.0.0/8"), 7}, {network("10.0.0.0/9"), 5}, {network("10.128.0.0/9"), 6}, {network("::/0"), 5}});
    EXPECT_EQ(table.values(), (std::vector<std::uint32_t>{5, 6}));
    EXPECT_EQ(NetworkTable().values(), std::vector<std::uint32_t>{});
}

// Networks and addresses close together, so that they nest, touch and repeat; compared with looking through all of them.
TEST(NetworkTable, AgreesWithTheObvious) {
    std::mt19937 random(20261125); // the same every time
    const auto some_address = [&](bool v6) {
        IpAddress result{v6, 0, 0};
        if (v6 && random() % 2 == 0)
            result.low = random() % 4096;
        else if (v6)
            result.high = random() % 4096;
        else
            result.high = std::uint64_t{random() % 4096} << 32U;
        return result;
    };
    for (int round = 0; round < 200; ++round) {
        std::vector<NetworkTable::Entry> entries;
        for (std::uint32_t i = 0; i < 40; ++i) {
            const bool v6 = random() % 2 == 0;
            const auto length = static_cast<std::uint8_t>(v6 ? random() % 129 : random() % 14 + 19);
            entries.push_back({{masked(some_address(v6), length), length}, i});
        }
        const NetworkTable table(entries);
        for (int i = 0; i < 200; ++i) {
            const IpAddress wanted = some_address(random() % 2 == 0);
            const NetworkTable::Entry* best = nullptr;
            for (const NetworkTable::Entry& entry : entries)
                if (entry.network.contains(wanted) && (best == nullptr || entry.network.length > best->network.length))
                    best = &entry;
            ASSERT_EQ(table.find(wanted), best != nullptr ? std::optional(best->value) : std::nullopt) << to_string(wanted);
        }
    }
}

// What it adds to a connection: 1 microsecond at most. By the thread's own CPU time, since the machine may be busy.
TEST(NetworkTable, TenThousandNetworksCostLessThanAMicrosecond) {
    std::mt19937_64 random(1); // the same every time
    const auto some_address = [&](bool v6) {
        return IpAddress{v6, v6 ? random() : random() & ~0xffffffffULL, v6 ? random() : 0};
    };
    std::vector<NetworkTable::Entry> entries;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        const auto length = static_cast<std::uint8_t>(8 + random() % (i % 2 == 0 ? 25 : 57));
        entries.push_back({{masked(some_address(i % 2 != 0), length), length}, i % 2});
    }
    const NetworkTable table(entries);
    std::vector<IpAddress> wanted;
    for (int i = 0; i < 100'000; ++i) wanted.push_back(some_address(i % 2 != 0));
    std::size_t found = 0;
    const Nanoseconds begin = monotonic_now(CLOCK_THREAD_CPUTIME_ID);
    for (const IpAddress& address : wanted) found += table.find(address).has_value() ? 1 : 0;
    const Nanoseconds each = (monotonic_now(CLOCK_THREAD_CPUTIME_ID) - begin) / static_cast<Nanoseconds>(wanted.size());
    RecordProperty("nanoseconds", static_cast<int>(each));
    EXPECT_GT(found, 0U);
    if (!sanitized) {
        EXPECT_LT(each, 1000);
    }
}

} // namespace
} // namespace gatehouse::host
