#include "stages/route.hpp"

#include "samples.hpp"
#include "wire/protocol_pattern.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace gatehouse::host {
namespace {

using namespace samples;

Route probing(std::string_view pattern) {
    Route route;
    route.probe = probe_of(*find_protocol_pattern(pattern));
    return route;
}

Route named(std::vector<std::string> names, std::vector<std::string> protocols = {}) {
    Route route;
    route.sni = std::move(names);
    route.alpn = std::move(protocols);
    return route;
}

Route from(std::string_view network) {
    std::string error;
    Route route;
    route.source.push_back(parse_network(network, error).value());
    return route;
}

// Takes one name, for which it has a value.
Route mapped(std::string name) {
    Route route;
    route.map = [name = std::move(name)](const ServerName& asked, Routed& routed) {
        if (asked.text() != name) return false;
        routed.value = "10.0.0.1:1";
        routed.rule = "sites.map:3";
        return true;
    };
    return route;
}

Choice chosen_of(const std::vector<Route>& routes, const Arrived& arrived) { return Routes(routes).choose(arrived); }

// The index of the route, "none" or "more".
std::string chosen(const std::vector<Route>& routes, std::string_view text, bool all = false, std::string_view source = "") {
    Arrived arrived;
    arrived.source = parse_ip_address(source);
    arrived.bytes = bytes(text);
    arrived.all = all;
    const Choice choice = chosen_of(routes, arrived);
    return choice.what == Choice::What::route  ? std::to_string(choice.route)
           : choice.what == Choice::What::none ? "none"
                                               : "more";
}

TEST(Route, TheFirstThatFits) {
    const std::vector<Route> routes{probing("ssh"), probing("http"), probing("tls")};
    EXPECT_EQ(chosen(routes, "SSH-2.0-x"), "0");
    EXPECT_EQ(chosen(routes, "GET / HTTP/1.1"), "1");
    EXPECT_EQ(chosen(routes, usual_hello), "2");
    EXPECT_EQ(chosen(routes, "\xff"), "none");
    EXPECT_EQ(chosen(routes, ""), "more");
}

// The first that fits by itself, whatever is known of the routes' names.
TEST(Route, OfManyByNameTheFirstThatFits) {
    const std::vector<std::string> patterns{"a.example",   "b.example",   "*.example",
                                            "*.a.example", "x.a.example", "*.x.a.example"};
    const std::vector<std::string> names{"",        "a.example", "b.example", "c.example", "x.a.example", "y.x.a.example",
                                         "example", "org"};
    std::mt19937 random(7);
    const auto pick = [&](const std::vector<std::string>& of) { return of[random() % of.size()]; };
    for (int round = 0; round < 200; ++round) {
        std::vector<Route> routes;
        for (std::size_t i = random() % 8; i > 0; --i) {
            Route& route = routes.emplace_back(random() % 4 == 0 ? mapped(pick(names)) : named({}));
            while (random() % 3 != 0) route.sni.push_back(pick(patterns));
            if (random() % 3 == 0) route.alpn = {"h2"};
        }
        Arrived arrived;
        const std::string name = pick(names);
        arrived.server_name = name;
        arrived.protocol = random() % 2 == 0 ? "h2" : "";
        const auto fits = [&](const Route& route) { return chosen_of({route}, arrived).what == Choice::What::route; };
        const auto first = std::ranges::find_if(routes, fits);
        const Choice choice = chosen_of(routes, arrived);
        ASSERT_EQ(choice.what == Choice::What::route, first != routes.end()) << round;
        if (first != routes.end()) {
            ASSERT_EQ(choice.route, static_cast<std::size_t>(first - routes.begin())) << round;
        }
    }
}

TEST(Route, AMapSaysWhatItsNameIsFor) {
    std::vector<Route> routes{mapped("other.example"), mapped("www.example.org"), named({"*.example.org"})};
    Arrived arrived;
    arrived.server_name = "WWW.example.org";
    Choice choice = chosen_of(routes, arrived);
    ASSERT_EQ(choice.what, Choice::What::route);
    EXPECT_EQ(choice.route, 1U);
    ASSERT_NE(choice.routed, nullptr);
    EXPECT_EQ(choice.routed->server_name, "www.example.org");
    EXPECT_EQ(choice.routed->value, "10.0.0.1:1");
    EXPECT_EQ(choice.routed->rule, "sites.map:3");
    routes[1].sni = {"else.example"}; // both must hold
    choice = chosen_of(routes, arrived);
    EXPECT_EQ(choice.route, 2U);
    ASSERT_NE(choice.routed, nullptr);
    EXPECT_EQ(choice.routed->server_name, "www.example.org");
    EXPECT_EQ(choice.routed->value, "");
    EXPECT_EQ(chosen({mapped("www.example.org")}, ""), "more");
    EXPECT_EQ(chosen({mapped("www.example.org")}, "SSH-2.0-x"), "none");
}

// What a route needs beyond all that will be looked at is not waited for.
TEST(Route, MayNeedMoreThanThereWillBe) {
    Route greedy;
    std::size_t needs = 0;
    greedy.probe = [&](const Arrived&, std::size_t& needed) {
        needed = needs;
        return Match::more;
    };
    const std::vector<Route> routes{greedy, probing("ssh")};
    Arrived arrived;
    arrived.bytes = bytes("SSH-2.0-x");
    arrived.most = 100;
    for (const std::size_t few : {0U, 10U, 100U}) {
        needs = few;
        EXPECT_EQ(chosen_of(routes, arrived).what, Choice::What::more) << few;
    }
    needs = 101;
    const Choice choice = chosen_of(routes, arrived);
    EXPECT_EQ(choice.what, Choice::What::route);
    EXPECT_EQ(choice.route, 1U);
    EXPECT_EQ(choice.passed_over, 0U);
}

// Bytes decide in the order of the routes: one that may still fit is waited for, even if a later one fits already.
TEST(Route, OrderHolds) {
    const std::vector<Route> routes{named({"a.example"}), probing("tls")};
    EXPECT_EQ(chosen(routes, usual_hello.substr(0, 20)), "more");
    EXPECT_EQ(chosen(routes, usual_hello.substr(0, 20), true), "1");
    EXPECT_EQ(chosen(routes, usual_hello), "1");
}

TEST(Route, ANameDecidesAsSoonAsItIsThere) {
    const std::vector<Route> routes{named({"a.example"}), named({}, {"imap"}), named({"*.example.org"})};
    const std::size_t name_ends = usual_hello.find('g') + 1;
    const std::vector<Route> by_name{routes[0], routes[2]};
    for (std::size_t size = 0; size <= usual_hello.size(); ++size) {
        EXPECT_EQ(chosen(by_name, usual_hello.substr(0, size)), size < name_ends ? "more" : "1") << size;
        EXPECT_EQ(chosen(routes, usual_hello.substr(0, size)), size < usual_hello.size() ? "more" : "2") << size;
    }
    // What follows the name does not matter, so it cannot matter when it comes.
    const std::string spoilt = records(hello_message(sni("www.example.org") + "\xff\xff\xff\xff"));
    EXPECT_EQ(chosen(by_name, spoilt), "1");
}

TEST(Route, SaysWhichOneLackedBytes) {
    Arrived arrived;
    arrived.bytes = bytes(std::string_view(usual_hello).substr(0, 30));
    const std::vector<Route> routes{probing("ssh"), named({"a.example"}), named({"b.example"}), probing("tls")};
    EXPECT_EQ(chosen_of(routes, arrived).passed_over, std::nullopt) << "it waits";
    arrived.all = true;
    EXPECT_EQ(chosen_of(routes, arrived).passed_over, 1U);
    EXPECT_EQ(chosen_of(routes, arrived).route, 3U);
    EXPECT_EQ(chosen_of({routes[0]}, arrived).passed_over, std::nullopt) << "it did not fit";
}

TEST(Route, BytesOfItsOwn) {
    Route route;
    route.match = {{{{0, "ab"}}}, {{{2, "c"}}}};
    const std::vector<Route> routes{route};
    EXPECT_TRUE(route.reads());
    EXPECT_EQ(chosen(routes, ""), "more");
    EXPECT_EQ(chosen(routes, "a"), "more");
    EXPECT_EQ(chosen(routes, "ab"), "0");
    EXPECT_EQ(chosen(routes, "xx"), "more") << "the other may still be";
    EXPECT_EQ(chosen(routes, "xxc"), "0");
    EXPECT_EQ(chosen(routes, "xxx"), "none");
    route.probe = probing("ssh").probe;
    route.match = {{{{8, "O"}}}};
    EXPECT_EQ(chosen({route}, "SSH-2.0-"), "more");
    EXPECT_EQ(chosen({route}, "SSH-2.0-O"), "0");
    EXPECT_EQ(chosen({route}, "SSH-2.0-P"), "none");
}

TEST(Route, AllConditionsMustHold) {
    Route route = named({"www.example.org"}, {"h2"});
    route.source = from("10.0.0.0/8").source;
    const std::vector<Route> routes{route};
    EXPECT_EQ(chosen(routes, usual_hello, false, "10.1.2.3"), "0");
    EXPECT_EQ(chosen(routes, usual_hello, false, "11.1.2.3"), "none");
    EXPECT_EQ(chosen(routes, usual_hello), "none"); // a unix socket has no address
    EXPECT_EQ(chosen(routes, "", false, "11.1.2.3"), "none");
    EXPECT_EQ(chosen(routes, "", false, "10.1.2.3"), "more");
    EXPECT_EQ(chosen({named({"www.example.org"}, {"imap"})}, usual_hello), "none");
    EXPECT_EQ(chosen({named({"mail.example.org"}, {"h2"})}, usual_hello), "none");
    EXPECT_EQ(chosen({named({"x", "*.example.org"}, {"x", "http/1.1"})}, usual_hello), "0");
}

TEST(Route, SourcesNeedNoBytes) {
    EXPECT_EQ(chosen({from("2001:db8::/32")}, "", false, "2001:db8::1"), "0");
    EXPECT_EQ(chosen({from("10.0.0.0/8")}, "", false, "::ffff:10.0.0.1"), "0");
}

TEST(Route, WhatAProxySaysOfTlsCounts) {
    Arrived arrived;
    arrived.bytes = bytes("GET / HTTP/1.1\r\n");
    arrived.server_name = "www.example.org";
    const std::vector<Route> routes{named({"*.example.org"}, {"h2"}), named({"*.example.org"})};
    EXPECT_EQ(chosen_of(routes, arrived).route, 1U);
    arrived.protocol = "h2";
    EXPECT_EQ(chosen_of(routes, arrived).route, 0U);
}

// A proxy that passes TLS on may say the one and not the other.
TEST(Route, NameAndProtocolAreKnownEachByItself) {
    const auto chosen = [](const Route& route, std::string_view text, const char* name, const char* protocol) {
        Arrived arrived;
        arrived.bytes = bytes(text);
        if (name != nullptr) arrived.server_name = name;
        if (protocol != nullptr) arrived.protocol = protocol;
        return chosen_of({route}, arrived).what;
    };
    using enum Choice::What;
    const Route by_name = named({"www.example.org"});
    const Route by_protocol = named({}, {"h2"});
    const Route by_both = named({"www.example.org"}, {"h2"});
    const std::string half = usual_hello.substr(0, 60);
    EXPECT_EQ(chosen(by_name, usual_hello, nullptr, "h2"), route);
    EXPECT_EQ(chosen(by_name, half, nullptr, "h2"), more);
    EXPECT_EQ(chosen(by_name, "GET / ", nullptr, "h2"), none);
    EXPECT_EQ(chosen(by_protocol, usual_hello, "mail.example.org", nullptr), route);
    EXPECT_EQ(chosen(by_protocol, half, "mail.example.org", nullptr), more);
    EXPECT_EQ(chosen(by_protocol, "GET / ", "mail.example.org", nullptr), none);
    EXPECT_EQ(chosen(by_both, usual_hello, "www.example.org", nullptr), route);
    EXPECT_EQ(chosen(by_both, usual_hello, nullptr, "h2"), route);
    EXPECT_EQ(chosen(by_both, half, "www.example.org", nullptr), more);
    EXPECT_EQ(chosen(by_both, half, "mail.example.org", nullptr), none);
    EXPECT_EQ(chosen(by_both, half, nullptr, "imap"), none);
    // What is known already needs no byte, and holds whatever the bytes say.
    EXPECT_EQ(chosen(by_both, "", "www.example.org", "h2"), route);
    EXPECT_EQ(chosen(by_name, usual_hello, "mail.example.org", nullptr), none);
    EXPECT_EQ(chosen(by_protocol, usual_hello, nullptr, "imap"), none);
    // It is known that the client has asked for nothing.
    EXPECT_EQ(chosen(by_name, usual_hello, "", nullptr), none);
}

} // namespace
} // namespace gatehouse::host
