#include "top_screen.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds two_seconds = 2'000'000'000;

struct ListenerNumbers {
    std::string name;
    std::uint64_t open, accepted, refused, received, sent;
};

CellTable listeners_table(const std::vector<ListenerNumbers>& rows) {
    using Type = Cell::Type;
    CellTable table{{"listener",
                     {"state", Type::state},
                     {"connections", Type::number},
                     {"limit", Type::number},
                     {"accepted", Type::number},
                     {"refused", Type::number},
                     {"received", Type::bytes},
                     {"sent", Type::bytes}},
                    {}};
    for (const ListenerNumbers& row : rows)
        table.cells.insert(table.cells.end(), {row.name, Cell::state("accepting"), Cell::count(row.open), Cell::count(20000),
                                               Cell::count(row.accepted), Cell::count(row.refused), Cell::count(row.received),
                                               Cell::count(row.sent)});
    return table;
}

CellTable servers_table(std::uint64_t total) {
    using Type = Cell::Type;
    return {{"pool",
             "server",
             {"state", Type::state},
             {"connections", Type::number},
             {"limit", Type::number},
             {"total", Type::number},
             {"failures", Type::number},
             "check"},
            {"db", "db1", Cell::state("up"), Cell::count(41), Cell::count(97), Cell::count(total), Cell::count(3), "ok 3 ms",
             "db", "db2", Cell::state("down"), Cell::count(0), Cell(), Cell::count(7), Cell::count(total), "refused"}};
}

std::vector<std::string> screen_lines(const std::string& screen) {
    std::istringstream in(screen);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

TEST(TopScreen, ShowsWhatHappensInASecond) {
    const TopSample before{0, listeners_table({{"mail", 1, 5, 0, 0, 0}, {"web", 3, 100, 10, 1000, 2000}}), servers_table(10)};
    const TopSample now{two_seconds,
                        listeners_table({{"mail", 1, 5, 0, 0, 0}, {"web", 1204, 721, 35, 9'000'000, 2'400'002'000}}),
                        servers_table(13)};
    EXPECT_EQ(top_screen(top_of(before, now), {}, "gatehouse 22:14:03"),
              "gatehouse 22:14:03  open 1205  new 310/s  in/out 4.5M/1.2G B/s  refused 12.5/s\n"
              "LISTENER              STATE            OPEN/MAX  NEW/s  IN B/s OUT B/s REFUSED/s\n"
              "web                   accepting      1204/20000    310    4.5M    1.2G      12.5\n"
              "mail                  accepting         1/20000      0       0       0         0\n"
              "\n"
              "SERVER                       STATE         CONN/MAX  NEW/s FAILED/s CHECK\n"
              "db/db1                       up               41/97    1.5        0 ok 3 ms\n"
              "db/db2                       down                 0      0      1.5 refused\n");
}

// Of the first answer, of a listener that is new, and of a host that counts from the beginning again.
TEST(TopScreen, WhatIsNotKnownIsNotShown) {
    const TopSample first{two_seconds, listeners_table({{"web", 1, 700, 0, 5, 5}}), {}};
    EXPECT_EQ(screen_lines(top_screen(top_of({}, first), {}, "t")),
              (std::vector<std::string>{
                  "t  open 1  new -/s  in/out -/- B/s  refused -/s",
                  "LISTENER              STATE            OPEN/MAX  NEW/s  IN B/s OUT B/s REFUSED/s",
                  "web                   accepting         1/20000      -       -       -         -",
              }));
    const TopSample next{2 * two_seconds, listeners_table({{"web", 1, 3, 0, 15, 5}, {"new", 0, 1, 0, 0, 0}}), {}};
    const Top top = top_of(first, next);
    EXPECT_LT(top.listeners[0].accepted, 0);
    EXPECT_EQ(top.listeners[0].received, 5.0);
    EXPECT_LT(top.listeners[1].accepted, 0);
    const std::string json = top_json(top).line();
    EXPECT_TRUE(json.starts_with(R"({"listeners": [{"listener": "web", "state": "accepting", "open": 1, "limit": 20000, )"
                                 R"("new_per_second": null, "received_per_second": 5.000000, "sent_per_second": 0.000000, )"))
        << json;
    EXPECT_EQ(screen_lines(top_screen(top_of({}, {}), {}, "t")).size(), 2U);
}

TEST(TopScreen, FitsOnTheScreen) {
    std::vector<ListenerNumbers> many;
    for (std::uint64_t i = 0; i < 100; ++i)
        many.push_back({std::string(100, 'n') + std::to_string(i), i, 1'000'000'000'000'000, 0, i, i});
    const TopSample now{two_seconds, listeners_table(many), servers_table(1)};
    for (const std::size_t columns : {0U, 60U, 80U, 200U})
        for (const std::size_t rows : {1U, 3U, 5U, 6U, 7U, 10U, 24U, 200U}) {
            const std::vector<std::string> lines = screen_lines(top_screen(top_of({}, now), {columns, rows}, "gatehouse"));
            for (const std::string& line : lines) EXPECT_LE(line.size(), std::max<std::size_t>(columns, 60)) << line;
            if (rows >= 5) {
                EXPECT_LE(lines.size(), rows);
            }
        }
    const std::string screen = top_screen(top_of({}, now), {80, 24}, "gatehouse");
    EXPECT_NE(screen.find("nnnnn~ "), std::string::npos);
    EXPECT_NE(screen.find("\n... and 83 more\n"), std::string::npos) << screen;
    EXPECT_NE(screen.find("db/db2"), std::string::npos);
}

TEST(TopScreen, ShowsNoControlCharacters) {
    const TopSample now{0, listeners_table({{"w\033[2Jb\n", 1, 1, 1, 1, 1}}), {}};
    const std::string screen = top_screen(top_of({}, now), {}, "t");
    EXPECT_EQ(screen.find('\033'), std::string::npos);
    EXPECT_EQ(screen_lines(screen).size(), 3U);
}

// Whatever a host of another version answers.
TEST(TopScreen, ColumnsMayBeMissing) {
    const TopSample now{0, {{"listener", {"state", Cell::Type::number}}, {"web", Cell::count(1)}}, {{"pool"}, {"db", "mail"}}};
    const Top top = top_of(now, now);
    ASSERT_EQ(top.listeners.size(), 1U);
    EXPECT_EQ(top.listeners[0].state, "");
    EXPECT_EQ(top.servers.size(), 2U);
    EXPECT_EQ(screen_lines(top_screen(top, {}, "t")).size(), 7U);
}

} // namespace
} // namespace gatehouse::host
