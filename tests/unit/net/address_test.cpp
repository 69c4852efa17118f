#include "net/address.hpp"

#include "base/descriptor.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace gatehouse::host {
namespace {

constexpr const char* forms = R"( (expected "host:port", "[IPv6]:port", "unix:/path", "unix:@name" or "fd:NAME"))";

Address address_in(std::string_view text) {
    std::string error;
    const auto address = parse_address(text, error);
    EXPECT_TRUE(address) << error;
    return address.value_or(Address{});
}

std::string error_of(std::string_view text) {
    std::string error;
    EXPECT_FALSE(parse_address(text, error)) << text;
    return error;
}

std::string numeric(std::string_view text) {
    const auto address = numeric_address(address_in(text));
    return address ? to_string(*address) : "not numeric";
}

SocketAddress unix_socket(std::string_view path) {
    SocketAddress address;
    auto& sun = reinterpret_cast<sockaddr_un&>(address.storage);
    sun.sun_family = AF_UNIX;
    std::memcpy(sun.sun_path, path.data(), path.size());
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    return address;
}

TEST(Address, TcpHasAHostAndAPort) {
    EXPECT_EQ(address_in("localhost:80"), (Address{Address::Kind::tcp, "localhost", 80, "", ""}));
    EXPECT_EQ(address_in("192.0.2.1:0").port, 0);
    EXPECT_EQ(address_in("db_1.example-x.org:65535").port, 65'535);
    EXPECT_EQ(address_in("[2001:db8::1]:80").host, "2001:db8::1");
    EXPECT_EQ(address_in("[fe80::1%eth0]:80").host, "fe80::1%eth0");
    EXPECT_EQ(address_in(":80").host, "");
    EXPECT_EQ(address_in("*:80").host, "*");
}

TEST(Address, UnixAndInherited) {
    EXPECT_EQ(address_in("unix:/run/a.sock"), (Address{Address::Kind::unix_socket, "", 0, "/run/a.sock", ""}));
    EXPECT_EQ(address_in("unix:a.sock").path, "a.sock");
    EXPECT_EQ(address_in("unix:@gate").path, "@gate");
    EXPECT_EQ(address_in("fd:web"), (Address{Address::Kind::inherited, "", 0, "", "web"}));
    EXPECT_EQ(address_in("fd:3").name, "3");
}

TEST(Address, ReadsBackAsWritten) {
    for (const char* text :
         {"localhost:80", "[2001:db8::1]:80", "192.0.2.1:65535", ":80", "*:80", "unix:/run/a", "unix:@a", "fd:3"})
        EXPECT_EQ(to_string(address_in(text)), text);
}

TEST(Address, BadOnesSayWhatIsWrong) {
    EXPECT_EQ(error_of(""), "\"\" has no port" + std::string(forms));
    EXPECT_EQ(error_of("8080"), R"("8080" has no host (expected "127.0.0.1:8080", or "*:8080" for every address))");
    EXPECT_EQ(error_of("[::1]"), "\"[::1]\" has no port" + std::string(forms));
    EXPECT_EQ(error_of("[::1]x:80"), "\"[::1]x:80\" has no port" + std::string(forms));
    EXPECT_EQ(error_of("[::1"), "\"[::1\" has no port" + std::string(forms));
    EXPECT_EQ(error_of("[]:80"), "\"\" is not an IPv6 address" + std::string(forms));
    EXPECT_EQ(error_of("[::1%]:80"), "\"::1%\" is not an IPv6 address" + std::string(forms));
    EXPECT_EQ(error_of("[127.0.0.1]:80"), "\"127.0.0.1\" is not an IPv6 address" + std::string(forms));
    EXPECT_EQ(error_of("2001:db8::1"), R"(an IPv6 address needs brackets and a port: "[2001:db8::1]:PORT")");
    EXPECT_EQ(error_of("1.2.3:80"), "\"1.2.3\" is not an IPv4 address" + std::string(forms));
    EXPECT_EQ(error_of("my host:80"), "\"my host\" is not a host name or address" + std::string(forms));
    EXPECT_EQ(error_of(std::string(254, 'a') + ":80"),
              '"' + std::string(64, 'a') + "...\" is not a host name or address" + std::string(forms));
    EXPECT_EQ(error_of("a\nb:80"), "\"a\\x0ab:80\" has a control character" + std::string(forms));
    EXPECT_EQ(error_of(std::string_view("127.0.0.1\0x:80", 14)),
              "\"127.0.0.1\\x00x:80\" has a control character" + std::string(forms));
}

TEST(Address, PortsAreNumbersTo65535) {
    for (const char* port : {"", "-1", "+80", "65536", "99999999999999999999", "80x", " 80", "http"})
        EXPECT_EQ(error_of("localhost:" + std::string(port)),
                  '"' + std::string(port) + "\" is not a port (expected a number from 0 to 65535)");
}

TEST(Address, UnixPathsFitIntoTheKernelsStructure) {
    EXPECT_EQ(address_in("unix:/" + std::string(106, 'x')).path.size(), 107U);
    EXPECT_EQ(error_of("unix:/" + std::string(107, 'x')),
              "the path is too long for a unix socket: 108 bytes (expected at most 107)");
    EXPECT_EQ(error_of("unix:"), R"(the path is missing (expected "unix:/path" or "unix:@name"))");
    EXPECT_EQ(error_of("unix:@"), R"(the path is missing (expected "unix:/path" or "unix:@name"))");
}

TEST(Address, InheritedNamesAreThoseOfListenFdNames) {
    const std::string expected = R"( is not a descriptor's number or name (expected "fd:NUMBER" or "fd:NAME"))";
    EXPECT_EQ(error_of("fd:"), "\"\"" + expected);
    EXPECT_EQ(error_of("fd:a:b"), "\"a:b\"" + expected);
    EXPECT_EQ(error_of("fd:99999999999"), "\"99999999999\"" + expected);
    EXPECT_EQ(address_in("fd:" + std::string(255, 'x')).name.size(), 255U);
    EXPECT_EQ(error_of("fd:" + std::string(256, 'x')), '"' + std::string(64, 'x') + "...\"" + expected);
}

TEST(SocketAddress, NumericOnesNeedNoResolver) {
    EXPECT_EQ(numeric("192.0.2.1:80"), "192.0.2.1:80");
    EXPECT_EQ(numeric("[2001:DB8:0::1]:80"), "[2001:db8::1]:80");
    EXPECT_EQ(numeric("*:80"), "[::]:80");
    EXPECT_EQ(numeric(":80"), "[::]:80");
    EXPECT_EQ(numeric("unix:/run/a"), "unix:/run/a");
    EXPECT_EQ(numeric("unix:@a"), "unix:@a");
    EXPECT_EQ(numeric("localhost:80"), "not numeric");
    EXPECT_EQ(numeric("fd:3"), "not numeric");
}

TEST(SocketAddress, Ipv4MappedAppearsAsIpv4) { EXPECT_EQ(numeric("[::ffff:192.0.2.1]:80"), "192.0.2.1:80"); }

TEST(SocketAddress, ZonesAreInterfaces) {
    const unsigned loopback = if_nametoindex("lo");
    if (loopback == 0) GTEST_SKIP() << "there is no interface called lo";
    EXPECT_EQ(numeric("[fe80::1%lo]:80"), "[fe80::1%lo]:80");
    EXPECT_EQ(numeric("[fe80::1%" + std::to_string(loopback) + "]:80"), "[fe80::1%lo]:80");
    EXPECT_EQ(numeric("[fe80::1%nosuchif0]:80"), "not numeric");
    EXPECT_EQ(numeric("[fe80::1%99999999999]:80"), "not numeric");
}

TEST(SocketAddress, SizesAreExact) {
    EXPECT_EQ(numeric_address(address_in("127.0.0.1:1"))->size, sizeof(sockaddr_in));
    EXPECT_EQ(numeric_address(address_in("[::1]:1"))->size, sizeof(sockaddr_in6));
    // A path with its NUL; an abstract name without, or it would be another name.
    EXPECT_EQ(numeric_address(address_in("unix:/a"))->size, offsetof(sockaddr_un, sun_path) + 3);
    EXPECT_EQ(numeric_address(address_in("unix:@a"))->size, offsetof(sockaddr_un, sun_path) + 2);
}

TEST(SocketAddress, PathsThatDoNotFitAreNotCut) {
    Address address;
    address.kind = Address::Kind::unix_socket;
    address.path = '/' + std::string(107, 'x');
    EXPECT_FALSE(numeric_address(address));
    address.path.clear();
    EXPECT_FALSE(numeric_address(address));
}

TEST(SocketAddress, UnixPeers) {
    EXPECT_EQ(to_string(unix_socket("")), "unix:");
    EXPECT_EQ(to_string(unix_socket("/run/a")), "unix:/run/a");
    EXPECT_EQ(to_string(unix_socket(std::string_view("/run/a\0", 7))), "unix:/run/a");
    EXPECT_EQ(to_string(unix_socket(std::string(108, 'x'))), "unix:" + std::string(108, 'x')); // no NUL at the end
    // The peer chooses its abstract name: any bytes, a line feed among them.
    EXPECT_EQ(to_string(unix_socket(std::string_view("\0a\nb\0c", 6))), "unix:@a\\x0ab\\x00c");
}

TEST(SocketAddress, SocketsThatAreConnectedToThemselves) {
    for (const char* any_port : {"127.0.0.1:0", "[::1]:0"}) {
        SocketAddress own = *numeric_address(address_in(any_port));
        const Descriptor alone(::socket(own.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const Descriptor server(::socket(own.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const Descriptor client(::socket(own.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        SocketAddress listening = own;
        ASSERT_EQ(::bind(alone.get(), own.get(), own.size), 0);
        ASSERT_EQ(::getsockname(alone.get(), own.get(), &own.size), 0);
        ASSERT_EQ(::connect(alone.get(), own.get(), own.size), 0) << "nobody listens there";
        EXPECT_TRUE(is_connected_to_itself(alone.get(), own)) << any_port;
        ASSERT_EQ(::bind(server.get(), listening.get(), listening.size), 0);
        ASSERT_EQ(::getsockname(server.get(), listening.get(), &listening.size), 0);
        ASSERT_EQ(::listen(server.get(), 1), 0);
        ASSERT_EQ(::connect(client.get(), listening.get(), listening.size), 0);
        EXPECT_FALSE(is_connected_to_itself(client.get(), listening)) << any_port;
    }
}

TEST(SocketAddress, OtherFamilies) {
    SocketAddress address;
    EXPECT_EQ(to_string(address), "unknown address family 0");
}

} // namespace
} // namespace gatehouse::host
