// Routes in each other's way, on the structs alone; bad_configs/routes_* has the same from files, with the exact messages.
#include "config/route_conflicts.hpp"
#include "sanitizer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>

namespace gatehouse::host {
namespace {

RouteConfig named(const std::string& name, const std::string& plugin = "web") {
    RouteConfig route;
    route.sni = {name};
    route.plugin = plugin;
    return route;
}

RouteConfig from(std::initializer_list<const char*> networks) {
    RouteConfig route;
    route.plugin = "web";
    std::string error;
    for (const char* network : networks) route.source.push_back(parse_network(network, error).value());
    return route;
}

RouteConfig probed(const std::string& pattern, const std::string& tls = "") {
    RouteConfig route;
    route.plugin = "web";
    route.pattern = pattern;
    route.tls = tls;
    return route;
}

// "INDEX KEY" for each conflict.
std::vector<std::string> conflicts(std::vector<RouteConfig> routes, const std::string& plugin = "fallback") {
    ListenerConfig listener;
    listener.plugin = plugin;
    listener.routes = std::move(routes);
    std::vector<std::string> found;
    for (const RouteConflict& conflict : route_conflicts(listener))
        found.push_back(std::to_string(conflict.route) + ' ' + std::string(conflict.key));
    return found;
}

using Found = std::vector<std::string>;

TEST(RouteConflicts, NarrowerRoutesComeFirst) {
    EXPECT_EQ(conflicts({named("www.example.org"), named("*.example.org")}), Found{});
    EXPECT_EQ(conflicts({named("*.example.org"), named("www.example.org")}), Found{"1 "});
    EXPECT_EQ(conflicts({named("*.example.org"), named("example.org")}), Found{});
    EXPECT_EQ(conflicts({named("*.example.org"), named("*.www.example.org")}), Found{"1 "});
}

TEST(RouteConflicts, SeveralSourcesCoverOneTogether) {
    EXPECT_EQ(conflicts({from({"10.0.0.0/9"}), from({"10.0.0.0/8"})}), Found{});
    EXPECT_EQ(conflicts({from({"10.0.0.0/9"}), from({"10.128.0.0/9"}), from({"10.0.0.0/8"})}), Found{"2 "});
    EXPECT_EQ(conflicts({from({"10.0.0.0/9", "10.128.0.0/9"}), from({"10.0.0.0/8", "192.0.2.0/24"})}), Found{});
    EXPECT_EQ(conflicts({from({"10.0.0.0/9", "192.0.0.0/8"}), from({"10.128.0.0/9"}), from({"10.0.0.0/8", "192.0.2.0/24"})}),
              Found{"2 "});
    EXPECT_EQ(conflicts({from({"10.0.0.0/9", "10.128.0.0/9"}), from({"10.0.0.0/8"})}), Found{"1 "});
    EXPECT_EQ(conflicts({from({"10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/8"}), from({"10.128.0.0/9", "10.0.0.0/10"})}),
              Found{"1 "});
}

// Each network is looked up among the others, and not compared with all of them, which would take minutes.
TEST(RouteConflicts, ManySourcesTakeNoProductOfTime) {
    constexpr std::uint64_t many = sanitized ? 1 << 11 : 1 << 17;
    const auto with_sources = [](std::uint64_t count, std::uint8_t length, std::uint64_t step = 1ULL << 40U) {
        RouteConfig route = from({});
        for (std::uint64_t i = 0; i < count; ++i) route.source.push_back({{false, i * step, 0}, length});
        return route;
    };
    const std::clock_t begin = std::clock(); // of the processor: the machine may be busy
    const RouteConfig wide = with_sources(many, 24);
    const RouteConfig narrow = with_sources(many, 32);
    EXPECT_EQ(conflicts({wide, narrow}), Found{"1 "});
    EXPECT_EQ(conflicts({narrow, wide}), Found{});
    const RouteConfig halves = with_sources(2 * many, 25, 1ULL << 39U);
    EXPECT_EQ(conflicts({halves, wide}), Found{"1 "});
    RouteConfig named = with_sources(many / 16, 32);
    for (std::uint64_t i = 0; i < many / 16; ++i) named.sni.push_back("a" + std::to_string(i) + ".example.org");
    EXPECT_EQ(conflicts({named, named}), Found{"1 "});
    EXPECT_LT(std::clock() - begin, 10 * CLOCKS_PER_SEC);
}

TEST(RouteConflicts, ANameIsNoWildcardForItself) {
    EXPECT_EQ(conflicts({named("www.example.org"), named("*.www.example.org")}), Found{});
    EXPECT_EQ(conflicts({named("*.www.example.org"), named("*.www.example.org")}), Found{"1 "});
}

// Of many routes only few are compared; the obvious way compares all.
TEST(RouteConflicts, AgreeWithTheObvious) {
    constexpr std::array names{"", "a.x", "b.x", "a.b.x", "*.x", "*.b.x", "x"};
    constexpr std::array networks{"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.1.0.0/16", "::/0", "2001:db8::/32"};
    const auto has_name = [](const std::string& wide, const std::string& narrow) {
        return wide == narrow || (wide.starts_with("*") && narrow.ends_with(wide.substr(1)));
    };
    const auto covers_all = [](const auto& wide, const auto& narrow, auto covers) {
        return wide.empty() || (!narrow.empty() && std::ranges::all_of(narrow, [&](const auto& part) {
                   return std::ranges::any_of(wide, [&](const auto& whole) { return covers(whole, part); });
               }));
    };
    std::minstd_rand random(7);
    const auto any = [&](std::size_t below) { return static_cast<std::size_t>(random()) % below; };
    for (int round = 0; round < 300; ++round) {
        std::vector<RouteConfig> routes(8);
        for (RouteConfig& route : routes) {
            route = any(3) == 0 ? from({}) : from({networks.at(any(networks.size()))});
            if (any(3) == 0) route.source.push_back(from({networks.at(any(networks.size()))}).source.front());
            for (std::size_t i = any(3); i > 0; --i)
                if (const std::string name = names.at(any(names.size())); !name.empty()) route.sni.push_back(name);
            route.probe = route.sni.empty() && route.source.empty();
        }
        const Found found = conflicts(routes);
        for (std::size_t i = 0; i < routes.size(); ++i) {
            const RouteConfig& narrow = routes[i];
            const bool covered =
                std::any_of(routes.begin(), routes.begin() + static_cast<std::ptrdiff_t>(i), [&](const RouteConfig& wide) {
                    return covers_all(wide.sni, narrow.sni, has_name) && (!wide.probe || narrow.probe) &&
                           covers_all(wide.source, narrow.source,
                                      [](const Network& a, const Network& b) { return a.contains(b); });
                });
            if (covered) {
                EXPECT_EQ(std::ranges::count(found, std::to_string(i) + ' '), 1) << "round " << round << " route " << i;
            }
        }
    }
}

TEST(RouteConflicts, ConditionsMustNotExcludeEachOther) {
    RouteConfig both = named("www.example.org");
    both.pattern = "ssh";
    EXPECT_EQ(conflicts({both}), Found{"0 probe"});
    both.pattern = "tls";
    EXPECT_EQ(conflicts({both}), Found{});
    EXPECT_EQ(conflicts({probed("http", "web")}), Found{"0 probe"});
}

RouteConfig begins(std::vector<BytePattern> match, const std::string& pattern = "") {
    RouteConfig route = probed(pattern);
    route.match = std::move(match);
    return route;
}

BytePattern at(std::size_t place, const std::string& bytes) { return {{{place, bytes}}}; }

TEST(RouteConflicts, BytesThatCoverOthers) {
    EXPECT_EQ(conflicts({begins({at(0, "ab")}), begins({at(0, "a")})}), Found{});
    EXPECT_EQ(conflicts({begins({at(0, "a")}), begins({at(0, "ab")})}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(0, "ab")}), begins({at(0, "ab")})}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(1, "b")}), begins({at(0, "ab")})}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(1, "bc")}), begins({at(0, "ab")})}), Found{});
    EXPECT_EQ(conflicts({begins({at(1, "bc")}), begins({{{{0, "ab"}, {2, "c"}}}})}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(0, "a"), at(0, "b")}), begins({at(0, "bc"), at(0, "ac")})}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(0, "a"), at(0, "b")}), begins({at(0, "bc"), at(0, "c")})}), Found{});
}

TEST(RouteConflicts, BytesAndPatternsKnowEachOther) {
    EXPECT_EQ(conflicts({begins({at(0, "SSH-")}), probed("ssh")}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(0, "SSH-2")}), probed("ssh")}), Found{});
    EXPECT_EQ(conflicts({begins({at(0, "\x16")}), named("www.example.org")}), Found{"1 "});
    EXPECT_EQ(conflicts({begins({at(0, "\x16")}), probed("tls", "web")}), Found{"1 "});
    EXPECT_EQ(conflicts({probed("ssh"), begins({at(0, "SSH-2.0-OpenSSH")})}), Found{"1 "});
    EXPECT_EQ(conflicts({probed("ssh"), begins({at(0, "SSH-2.0-OpenSSH"), at(0, "x")})}), Found{});
    EXPECT_EQ(conflicts({probed("ssh"), begins({at(0, "SSH-")})}), Found{});
    EXPECT_EQ(conflicts({begins({at(0, "GET"), at(1, "x")}, "ssh")}), Found{}) << "the second may be";
    EXPECT_EQ(conflicts({begins({at(0, "GET")}, "ssh")}), Found{"0 match"});
    EXPECT_EQ(conflicts({begins({at(0, "GET ")}, "http")}), Found{});
}

TEST(RouteConflicts, SomePluginTakesTheDecryptedStream) {
    RouteConfig opens = probed("tls", "web");
    opens.plugin = "";
    EXPECT_EQ(conflicts({opens}), Found{});
    EXPECT_EQ(conflicts({opens}, ""), Found{"0 "});
    EXPECT_EQ(conflicts({opens, probed("http")}, ""), Found{});
}

TEST(RouteConflicts, ARouteWithoutAConditionCountsForNothing) {
    EXPECT_EQ(conflicts({RouteConfig{}, named("www.example.org")}), Found{});
}

} // namespace
} // namespace gatehouse::host
