// A pool whose hooks are recorded and whose clock is the test's.
#pragma once

#include "pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

using namespace std::chrono_literals;

struct PoolFixture : testing::Test {
    void make(const Pool::Rules& rules, std::size_t sources = 1) {
        made.emplace(rules, sources,
                     Pool::Hooks{[this](std::uint64_t id) { woken.push_back(id); },
                                 [this](std::uint64_t id) { cut.push_back(id); },
                                 [this](gatehouse_level level, std::string_view text) {
                                     static constexpr const char* levels[] = {"debug", "info", "warning", "error"};
                                     log.push_back(levels[level] + (": " + std::string(text)));
                                 }});
    }

    // One server each, called a, b, c, ..., with this many places; 0: without limit.
    Pool::Changes servers(const std::vector<std::uint32_t>& limits, std::size_t source = 0) {
        std::vector<ServerSpec> specs;
        specs.reserve(limits.size());
        for (std::size_t i = 0; i < limits.size(); ++i)
            specs.push_back({std::string(1, static_cast<char>('a' + i)), "192.0.2." + std::to_string(i + 1) + ":80", 1, 0,
                             limits[i] == 0 ? Slot::unlimited : limits[i]});
        return pool().set_servers(source, specs, now);
    }

    Pool& pool() { return *made; }

    Visit& client() {
        Visit& visit = visits.emplace_back();
        visit.connection = visits.size();
        visit.key = hash_of(std::to_string(visits.size()));
        return visit;
    }

    // "a": a place on that server; "wait"; or the refusal.
    std::string admit(Visit& visit) { return text(visit, pool().admit(visit, now)); }
    std::string give_up(Visit& visit) { return text(visit, pool().give_up(visit, now)); }
    static std::string text(const Visit& visit, Pool::Verdict verdict) {
        if (verdict.kind == Pool::Verdict::connect) return visit.server->name;
        return verdict.kind == Pool::Verdict::wait ? "wait" : std::string(visit.refusal());
    }
    // Admitted to a server, and connected.
    std::string connect(Visit& visit) {
        const std::string server = admit(visit);
        if (visit.place == Visit::Place::server) pool().connected(visit, now);
        return server;
    }
    std::string fail(Visit& visit, std::string_view why = "connection refused") {
        pool().connect_failed(visit, why, true, now);
        return admit(visit);
    }

    Server& server(std::string_view name) {
        for (const auto& server : known)
            if (server->name == name) return *server;
        throw std::runtime_error("no such server");
    }
    void check(std::string_view name, std::string_view results, std::string_view why = "connection refused") {
        for (const char c : results) pool().checked(server(name), c == '+', c == '+' ? "" : why, now);
    }

    // An order of the operator's.
    void order(std::string_view server, Order::What what, std::optional<Clock::time_point> cut_at = std::nullopt) {
        Order order;
        order.what = what;
        order.cut_at = cut_at;
        pool().order(server, order, now);
    }

    void remove_for(milliseconds time, std::string_view server, std::string_view reason = "") {
        Order order;
        order.what = Order::What::remove;
        order.until = now + time;
        order.reason = reason;
        pool().order(server, order, now);
    }
    void add(const ServerSpec& spec, std::optional<milliseconds> time = std::nullopt, std::string_view reason = "") {
        Order order;
        order.what = Order::What::add;
        order.added = spec;
        if (time) order.until = now + *time;
        order.reason = reason;
        pool().add(order, now);
    }

    std::optional<Clock::time_point> tend(Clock::time_point when) {
        pool().tend(when);
        return pool().next_tending(when);
    }

    Pool::Report report(std::string_view name) {
        for (Pool::Report& report : pool().report(now))
            if (report.server == name) return report;
        throw std::runtime_error("no such server");
    }
    std::vector<std::uint64_t> take_woken() { return std::exchange(woken, {}); }
    std::vector<std::string> take_log() { return std::exchange(log, {}); }

    using Ids = std::vector<std::uint64_t>;
    using Lines = std::vector<std::string>;

    Clock::time_point now = Clock::time_point{} + 1h;
    std::vector<std::uint64_t> woken, cut;
    std::vector<std::string> log;
    std::vector<std::shared_ptr<Server>> known;
    std::deque<Visit> visits;
    std::optional<Pool> made;
};

} // namespace gateway
