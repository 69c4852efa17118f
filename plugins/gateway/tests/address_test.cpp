#include "address.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

using namespace gateway;

namespace {

TEST(Address, KnowsEachForm) {
    for (const char* text : {"127.0.0.1:80", "192.0.2.255:65535", "[::1]:1", "[2001:db8::1]:80", "[fe80::1%eth0]:80"})
        EXPECT_EQ(kind_of(text), AddressKind::numeric) << text;
    for (const char* text : {"unix:/run/x", "unix:@x", "unix:x"}) EXPECT_EQ(kind_of(text), AddressKind::unix_socket) << text;
    for (const char* text : {"localhost:1", "db.example:5432", "db.example.:80", "a-b_c.example:80", "1a:80", "2.example:80"})
        EXPECT_EQ(kind_of(text), AddressKind::name) << text;
    for (const char* text : {"srv:_redis._tcp.example", "srv:redis.service.consul", "srv:_a._tcp.example."})
        EXPECT_EQ(kind_of(text), AddressKind::service) << text;
}

TEST(Address, RefusesWhatCannotBeConnectedTo) {
    for (const char* text : {"",
                             "localhost",
                             ":80",
                             "localhost:",
                             "localhost:0",
                             "localhost:65536",
                             "localhost:http",
                             "localhost:80 ",
                             " a:80",
                             "localhost:-1",
                             "localhost:+1",
                             "localhost:99999999999999999999",
                             "*:80",
                             "*",
                             "0.0.0.0:80",
                             "[::]:80",
                             "::1:80",
                             "[::1]",
                             "[]:80",
                             "[::1:80",
                             "::1]:80",
                             "[127.0.0.1]:80",
                             "[::1%]:80",
                             "[::1%a b]:80",
                             "[fe80::1%[]:1",
                             "256.0.0.1:80",
                             "1.2.3:80",
                             "1.2.3.4.5:80",
                             "80:80",
                             "a..b:80",
                             ".a:80",
                             "-a.example:80",
                             "a-.example:80",
                             "a/b:80",
                             "a b:80",
                             "unix:",
                             "srv:",
                             "srv:a b",
                             "srv:_redis._tcp.example:6379",
                             "http://a:80"})
        EXPECT_EQ(kind_of(text), AddressKind::invalid) << text;
    EXPECT_EQ(kind_of(std::string(64, 'a') + ".example:80"), AddressKind::invalid);
    EXPECT_EQ(kind_of(std::string(63, 'a') + ".example:80"), AddressKind::name);
    EXPECT_EQ(kind_of("unix:/" + std::string(106, 'a')), AddressKind::unix_socket);
    EXPECT_EQ(kind_of("unix:/" + std::string(107, 'a')), AddressKind::invalid);
    EXPECT_EQ(kind_of(std::string("unix:/a\0b", 9)), AddressKind::invalid);
    EXPECT_EQ(kind_of(std::string("a\0b:80", 6)), AddressKind::invalid);
}

TEST(Address, TheHostIsWithoutPortAndBrackets) {
    EXPECT_EQ(host_of("192.0.2.1:40123"), "192.0.2.1");
    EXPECT_EQ(host_of("[2001:db8::1]:40123"), "2001:db8::1");
    EXPECT_EQ(host_of("unix:"), "unix:");
    EXPECT_EQ(host_of(""), "");
}

TEST(Address, SaysWhoTheServerIs) {
    for (const auto& [text, name] : std::map<std::string, std::string>{{"192.0.2.1:80", "192.0.2.1"},
                                                                       {"[2001:db8::1]:80", "2001:db8::1"},
                                                                       {"db.example:80", "db.example"},
                                                                       {"srv:_db._tcp.example.org", "example.org"},
                                                                       {"srv:example.org", "example.org"},
                                                                       {"srv:_db", "_db"},
                                                                       {"unix:/run/x", ""}})
        EXPECT_EQ(server_name_of(text, kind_of(text)), name) << text;
}

} // namespace
