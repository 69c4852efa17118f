#include "access/access.hpp"

#include "sanitizer.hpp"
#include "socket_address.hpp"

#include <gtest/gtest.h>
#include <random>

namespace gatehouse::host {
namespace {

AccessLists lists(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
    AccessLists lists;
    std::string error;
    for (const std::string& text : allow) lists.allow.push_back(parse_network(text, error).value());
    for (const std::string& text : deny) lists.deny.push_back(parse_network(text, error).value());
    return lists;
}

std::string verdict(const AccessLists& lists, const std::string& host) {
    Access access(lists);
    std::uint32_t source = 0;
    const std::optional<Refusal> refusal = access.admit(address_of(host), 0, source);
    EXPECT_EQ(source, SourceTable::nowhere);
    return refusal ? std::string(to_string(refusal->reason)) : "admitted";
}

// The reason of a refusal; nothing: it is admitted.
std::optional<Reason> reason_of(const std::optional<Refusal>& refusal) {
    if (!refusal) return std::nullopt;
    return refusal->reason;
}

TEST(Access, WithoutListsEverybodyIsAdmitted) {
    EXPECT_EQ(verdict({}, "192.0.2.1"), "admitted");
    EXPECT_EQ(verdict({}, "2001:db8::1"), "admitted");
}

TEST(Access, WithDeniedOnesOnlyAllOthersAreAdmitted) {
    const AccessLists some = lists({}, {"10.0.0.0/8", "2001:db8::/32"});
    EXPECT_EQ(verdict(some, "10.1.2.3"), "denied_acl");
    EXPECT_EQ(verdict(some, "::ffff:10.1.2.3"), "denied_acl");
    EXPECT_EQ(verdict(some, "2001:db8::1"), "denied_acl");
    EXPECT_EQ(verdict(some, "192.0.2.1"), "admitted");
    EXPECT_EQ(verdict(some, "::1"), "admitted");
}

TEST(Access, WithAllowedOnesAllOthersAreDenied) {
    const AccessLists some = lists({"10.0.0.0/8"}, {});
    EXPECT_EQ(verdict(some, "10.1.2.3"), "admitted");
    EXPECT_EQ(verdict(some, "::ffff:10.1.2.3"), "admitted");
    EXPECT_EQ(verdict(some, "192.0.2.1"), "denied_acl");
    EXPECT_EQ(verdict(some, "::1"), "denied_acl");
}

TEST(Access, TheNarrowestNetworkCounts) {
    const AccessLists some = lists({"10.0.0.0/8", "10.1.2.0/24"}, {"10.1.0.0/16", "10.1.2.3"});
    EXPECT_EQ(verdict(some, "10.2.0.1"), "admitted");
    EXPECT_EQ(verdict(some, "10.1.0.1"), "denied_acl");
    EXPECT_EQ(verdict(some, "10.1.2.4"), "admitted");
    EXPECT_EQ(verdict(some, "10.1.2.3"), "denied_acl");
}

// Where it stands, which limit it is, and of how much.
TEST(Access, ARefusalNamesItsRule) {
    AccessLists some = lists({"10.0.0.0/8"}, {"10.1.0.0/16", "10.2.0.0/16"});
    some.allow_written = some.deny_written = 1;
    some.allow_places = {{"web.toml:4:9", {4, 9}}, "", {4}};
    some.deny_places = {{"web.toml:5:8", {5, 8}}, "bad.txt", {5, 17}};
    SourceLimits limits;
    limits.most = 1;
    limits.most_where = {"web.toml:6:1", {6, 1}};
    limits.rate = 3;
    limits.rate_where = {"in:the/way.toml:7:1", {7, 1}};
    SourceTable sources(10);
    LiveLimits live;
    live.sources = &sources;
    Access access(some, &live, limits);
    std::uint32_t source = SourceTable::nowhere; // of the last one that was admitted
    const auto why = [&](const char* host) {
        std::uint32_t slot = 0;
        const std::optional<Refusal> refusal = access.admit(address_of(host), 0, slot);
        if (!refusal) source = slot;
        if (!refusal) return std::string("admitted");
        return where_text(refusal->rule) + ' ' + std::string(refusal->rule.limit) + ' ' + value_text(refusal->rule);
    };
    EXPECT_EQ(why("10.1.2.3"), "web.toml:5 deny 10.1.0.0/16");
    EXPECT_EQ(why("10.2.2.3"), "bad.txt:17 deny_file 10.2.0.0/16");
    EXPECT_EQ(why("192.0.2.1"), "web.toml:4 allow ");
    EXPECT_EQ(why("10.3.0.1"), "admitted");
    EXPECT_EQ(why("10.3.0.1"), "web.toml:6 max_per_source 1");
    for (int i = 0; i < 2; ++i) {
        access.leave(source);
        EXPECT_EQ(why("10.3.0.1"), "admitted");
    }
    access.leave(source);
    EXPECT_EQ(why("10.3.0.1"), "in:the/way.toml:7 rate.connections 3");
}

// What the operator has set counts instead, and the record says so.
TEST(Access, LiveLimitsOutweighTheConfiguration) {
    SourceTable sources(10);
    LiveLimits live;
    live.sources = &sources;
    SourceLimits limits;
    limits.most = 1;
    const AccessLists none;
    Access access(none, &live, limits);
    std::uint32_t source = 0;
    live.set(LiveLimits::Key::max_per_source, 2);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 0, source)), std::nullopt);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 0, source)), std::nullopt);
    const std::optional<Refusal> third = access.admit(address_of("192.0.2.1"), 0, source);
    ASSERT_TRUE(third);
    EXPECT_EQ(where_text(third->rule) + ' ' + value_text(third->rule), "order 2");
    live.set(LiveLimits::Key::max_per_source, 0); // no limit
    live.set(LiveLimits::Key::rate, 1);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 0, source)), std::nullopt);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 0, source)), Reason::over_rate);
    live.set(LiveLimits::Key::max_per_source, std::nullopt);
    live.set(LiveLimits::Key::rate, std::nullopt);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 0, source)), Reason::source_full);
}

// A unix socket that was passed on: it has no address that a list could have.
TEST(Access, OtherKindsOfAddressesAreInNoNetwork) {
    SocketAddress nameless;
    nameless.storage.ss_family = AF_UNIX;
    nameless.size = sizeof(sa_family_t);
    std::uint32_t source = 0;
    EXPECT_EQ(reason_of(Access(lists({}, {"0.0.0.0/0"})).admit(nameless, 0, source)), std::nullopt);
    EXPECT_EQ(reason_of(Access(lists({"0.0.0.0/0"}, {})).admit(nameless, 0, source)), Reason::denied_acl);
    SourceLimits one;
    one.most = 1;
    SourceTable sources(10);
    LiveLimits live;
    live.sources = &sources;
    Access counting({}, &live, one);
    EXPECT_EQ(reason_of(counting.admit(nameless, 0, source)), std::nullopt);
    EXPECT_EQ(reason_of(counting.admit(nameless, 0, source)), std::nullopt);
}

// The lists are about clients; a trusted proxy also comes on its own behalf.
TEST(Access, AProxyOnItsOwnBehalfIsItself) {
    const auto verdict = [](const AccessLists& some, const std::string& host, Behalf behalf) {
        const std::vector<Network> proxies = lists({"10.0.0.0/24", "127.0.0.1"}, {}).allow;
        std::uint32_t source = 0;
        const SourceLimits none;
        const auto reason = reason_of(Access(some, nullptr, none, proxies).admit(address_of(host), 0, source, behalf));
        return reason ? std::string(to_string(*reason)) : "admitted";
    };
    const AccessLists clients = lists({"192.0.2.0/24"}, {});
    EXPECT_EQ(verdict(clients, "10.0.0.1", Behalf::proxy), "admitted");
    EXPECT_EQ(verdict(clients, "::ffff:10.0.0.1", Behalf::proxy), "admitted");
    EXPECT_EQ(verdict(clients, "10.0.0.1", Behalf::client), "denied_acl");
    // Of the lists and the proxies' networks the narrowest counts, and of equal ones that of the proxies.
    const AccessLists some = lists({"192.0.2.0/24", "10.0.0.66"}, {"10.0.0.0/8", "10.0.0.64/28", "127.0.0.1"});
    EXPECT_EQ(verdict(some, "10.0.0.1", Behalf::proxy), "admitted");
    EXPECT_EQ(verdict(some, "10.0.0.65", Behalf::proxy), "denied_acl");
    EXPECT_EQ(verdict(some, "10.0.0.66", Behalf::proxy), "admitted");
    EXPECT_EQ(verdict(some, "127.0.0.1", Behalf::proxy), "admitted");
    for (const char* host : {"10.0.0.1", "10.0.0.65", "127.0.0.1"})
        EXPECT_EQ(verdict(some, host, Behalf::client), "denied_acl");
}

TEST(Access, AProxyOfAUnixSocketIsInNoNetwork) {
    SocketAddress nameless;
    nameless.storage.ss_family = AF_UNIX;
    nameless.size = sizeof(sa_family_t);
    std::uint32_t source = 0;
    const AccessLists some = lists({"192.0.2.0/24"}, {});
    Access access(some);
    EXPECT_EQ(reason_of(access.admit(nameless, 0, source, Behalf::proxy)), std::nullopt);
    EXPECT_EQ(reason_of(access.admit(nameless, 0, source, Behalf::client)), Reason::denied_acl);
}

TEST(Access, AProxysOwnConnectionsCountForItsAddress) {
    SourceLimits one;
    one.most = 1;
    SourceTable sources(10);
    LiveLimits live;
    live.sources = &sources;
    const AccessLists none;
    Access access(none, &live, one);
    std::uint32_t source = 0;
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 0, source, Behalf::proxy)), std::nullopt);
    EXPECT_NE(reason_of(access.admit(address_of("192.0.2.1"), 0, source, Behalf::proxy)), std::nullopt);
}

TEST(Access, WhoIsDeniedDoesNotCount) {
    SourceLimits one;
    one.rate = 1;
    SourceTable sources(10);
    LiveLimits live;
    live.sources = &sources;
    const AccessLists some = lists({}, {"192.0.2.1"});
    Access access(some, &live, one);
    std::uint32_t source = 0;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.1"), 1, source)), Reason::denied_acl);
    EXPECT_EQ(sources.counts(1).remembered, 0U);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.2"), 1, source)), std::nullopt);
    EXPECT_EQ(reason_of(access.admit(address_of("192.0.2.2"), 1, source)), Reason::over_rate);
}

// Everything at once, as a connection meets it: less than a microsecond of the thread's own CPU time.
TEST(Access, CostsLessThanAMicrosecondWithTenThousandNetworks) {
    std::mt19937 random(1); // the same every time
    AccessLists many;
    for (int i = 0; i < 10'000; ++i) {
        const auto length = static_cast<std::uint8_t>(random() % 17 + 16);
        many.deny.push_back({masked({false, std::uint64_t{random()} << 32U, 0}, length), length});
    }
    Access access(many);
    std::vector<SocketAddress> clients;
    for (int i = 0; i < 10'000; ++i)
        clients.push_back(address_of("192.0." + std::to_string(i % 256) + "." + std::to_string(i / 256)));
    std::uint32_t source = 0;
    const Nanoseconds begin = monotonic_now(CLOCK_THREAD_CPUTIME_ID);
    for (int round = 0; round < 10; ++round)
        for (const SocketAddress& client : clients) static_cast<void>(access.admit(client, begin, source));
    const Nanoseconds each = (monotonic_now(CLOCK_THREAD_CPUTIME_ID) - begin) / 100'000;
    RecordProperty("nanoseconds", static_cast<int>(each));
    if (!sanitized) {
        EXPECT_LT(each, 1000);
    }
}

} // namespace
} // namespace gatehouse::host
