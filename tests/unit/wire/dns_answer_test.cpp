#include "wire/dns_answer.hpp"

#include "dns_server.hpp"

#include <gtest/gtest.h>
#include <random>

namespace gatehouse::host {
namespace {

std::string header(unsigned records, unsigned questions = 1) {
    return dns16(0x1234) + dns16(0x8180) + dns16(questions) + dns16(records) + dns16(0) + dns16(0);
}

std::string question(const std::string& name, unsigned type) { return dns_name(name) + dns16(type) + dns16(1); }

bool parse(const std::string& bytes, DnsType type, DnsAnswer& answer) {
    return parse_dns_answer({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}, type, answer);
}

std::vector<std::string> texts(const DnsAnswer& answer) {
    std::vector<std::string> list;
    for (const SocketAddress& address : answer.addresses) list.push_back(to_string(address));
    return list;
}

const std::string services = header(3) + question("_web._tcp.example", dns_srv) + dns_service(10, 20, 8080, "a.example", 300) +
                             dns_record(dns_srv, 60, dns16(5) + dns16(0) + dns16(80) + "\1b\xc0\x16") +
                             dns_service(0, 0, 0, "", 400);

TEST(DnsAnswer, HasAddresses) {
    DnsAnswer answer;
    ASSERT_TRUE(parse(header(2) + question("db.example", dns_a) + dns_address("192.0.2.1", 300) + dns_address("192.0.2.2", 20),
                      DnsType::a, answer));
    EXPECT_EQ(texts(answer), (std::vector<std::string>{"192.0.2.1:0", "192.0.2.2:0"}));
    EXPECT_EQ(answer.ttl, 20U);
    EXPECT_EQ(answer.name, "db.example");
    ASSERT_TRUE(parse(header(1) + question("db.example", dns_aaaa) + dns_address("2001:db8::1", 7), DnsType::aaaa, answer));
    EXPECT_EQ(texts(answer), (std::vector<std::string>{"[2001:db8::1]:0"}));
    EXPECT_EQ(answer.ttl, 7U);
}

TEST(DnsAnswer, HasServicesWhoseTargetsMayBeCompressed) {
    DnsAnswer answer;
    ASSERT_TRUE(parse(services, DnsType::srv, answer));
    EXPECT_EQ(answer.services, (std::vector<DnsService>{{"a.example", 8080, 10, 20}, {"b.example", 80, 5, 0}, {"", 0, 0, 0}}));
    EXPECT_EQ(answer.ttl, 60U);
}

TEST(DnsAnswer, AliasesCountForTheTimeToLive) {
    DnsAnswer answer;
    const std::string alias = dns_record(dns_cname, 5, dns_name("real.example"));
    const std::string real = dns_record(dns_a, 100, {"\xc0\0\2\1", 4}, dns_name("real.example"));
    ASSERT_TRUE(parse(header(2) + question("db.example", dns_a) + alias + real, DnsType::a, answer));
    EXPECT_EQ(texts(answer), (std::vector<std::string>{"192.0.2.1:0"}));
    EXPECT_EQ(answer.ttl, 5U);
}

TEST(DnsAnswer, ANegativeTimeToLiveIsNone) { // RFC 2181, section 8
    DnsAnswer answer;
    ASSERT_TRUE(parse(header(1) + question("db.example", dns_a) + dns_address("192.0.2.1", 0x80000000), DnsType::a, answer));
    EXPECT_EQ(answer.ttl, 0U);
}

TEST(DnsAnswer, ATargetThatIsNoHostNameIsPassedOver) {
    DnsAnswer answer;
    const std::string bytes = header(2) + question("s.example", dns_srv) + dns_service(1, 2, 3, "bad name", 10) +
                              dns_service(1, 2, 3, "good_name-1", 10);
    ASSERT_TRUE(parse(bytes, DnsType::srv, answer));
    EXPECT_EQ(answer.services, (std::vector<DnsService>{{"good_name-1", 3, 1, 2}}));
}

// Name servers may change the case of letters from answer to answer.
TEST(DnsAnswer, TargetsAreInTheNormalForm) {
    DnsAnswer answer;
    const std::string bytes = header(2) + question("s.example", dns_srv) + dns_service(1, 2, 3, "A.Example", 10) +
                              dns_service(1, 2, 3, "a.example", 10);
    ASSERT_TRUE(parse(bytes, DnsType::srv, answer));
    EXPECT_EQ(answer.services, (std::vector<DnsService>{{"a.example", 3, 1, 2}, {"a.example", 3, 1, 2}}));
}

TEST(DnsAnswer, PointersThatLoopOrLeadForwardAreMalformed) {
    DnsAnswer answer;
    const std::string start = header(1) + question("s.example", dns_srv);
    const auto self = static_cast<unsigned>(start.size() + 2 + 10 + 6); // where the target stands
    for (const std::string& target :
         {"\xc0" + std::string(1, static_cast<char>(self)), "\xc0" + std::string(1, static_cast<char>(self + 2)),
          "\1a\xc0" + std::string(1, static_cast<char>(self)), std::string("\xff\xff"), std::string("\xc0")})
        EXPECT_FALSE(parse(start + dns_record(dns_srv, 1, dns16(1) + dns16(1) + dns16(1) + target), DnsType::srv, answer));
}

TEST(DnsAnswer, NamesAreBounded) {
    DnsAnswer answer;
    std::string name;
    for (int i = 0; i < 128; ++i) name += "\1a";
    EXPECT_FALSE(parse(header(0) + name + '\0' + dns16(1) + dns16(1), DnsType::a, answer));
    EXPECT_TRUE(parse(header(0) + name.substr(2) + '\0' + dns16(1) + dns16(1), DnsType::a, answer));
    // A long chain of pointers is as good as a loop.
    std::string chain = header(0, 1) + std::string(1, '\0') + dns16(1) + dns16(1);
    for (int i = 0; i < 100; ++i) chain += "\xc0" + std::string(1, static_cast<char>(i == 0 ? 12 : 17 + 2 * (i - 1)));
    chain[7] = 1;
    EXPECT_FALSE(parse(chain + "\xc0\xd7", DnsType::a, answer));
}

TEST(DnsAnswer, WrongSizesAreMalformed) {
    DnsAnswer answer;
    const std::string start = header(1) + question("s.example", dns_a);
    EXPECT_FALSE(parse(start + dns_record(dns_a, 1, "abc"), DnsType::a, answer));
    EXPECT_FALSE(parse(start + dns_record(dns_a, 1, "abcde"), DnsType::a, answer));
    EXPECT_FALSE(parse(start + dns_record(dns_aaaa, 1, "abcd"), DnsType::aaaa, answer));
    EXPECT_FALSE(
        parse(start + dns_record(dns_srv, 1, dns16(1) + dns16(1) + dns16(1) + dns_name("a") + "x"), DnsType::srv, answer));
}

// Each prefix, and each byte changed at random: never beyond the bytes, and never more than they can hold.
TEST(DnsAnswer, TruncatedAndMutatedOnesAreHarmless) {
    DnsAnswer answer;
    for (std::size_t size = 0; size < services.size(); ++size) {
        const std::vector<unsigned char> exact(services.begin(), services.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(parse_dns_answer(exact, DnsType::srv, answer)) << size;
    }
    std::mt19937 random(1);
    const std::string addresses = header(3) + question("db.example", dns_a) + dns_address("192.0.2.1", 300) +
                                  dns_record(dns_cname, 5, dns_name("x.example")) + dns_address("192.0.2.2", 20);
    for (int i = 0; i < 200'000; ++i) {
        const bool srv = i % 2 == 0;
        std::vector<unsigned char> bytes(srv ? services.begin() : addresses.begin(), srv ? services.end() : addresses.end());
        for (auto n = random() % 4 + 1; n > 0; --n) bytes[random() % bytes.size()] = static_cast<unsigned char>(random());
        if (i % 3 == 0) bytes.resize(random() % bytes.size());
        parse_dns_answer(bytes, srv ? DnsType::srv : DnsType::a, answer);
        ASSERT_LE(answer.addresses.size() + answer.services.size(), bytes.size() / 11);
        for (const DnsService& service : answer.services) ASSERT_LE(service.target.size(), 253U);
    }
}

} // namespace
} // namespace gatehouse::host
