// What `gatehouse top` shows: two answers of a host, some time apart, as a table of what happens in a second. Pure functions.
// [any]
#pragma once

#include "base/cell_table.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::host {

// What a host says of itself at a moment: its tables `listeners` and `servers`. A column that is missing counts as empty.
struct TopSample {
    Nanoseconds at = 0;
    CellTable listeners;
    CellTable servers;
};

// Of a counter that has grown in that time. Below 0: it is not known, since there was no earlier answer, or the host is another
// one by now.
using PerSecond = double;

struct TopListener {
    std::string name, state;
    std::int64_t open = 0;
    std::int64_t limit = 0;
    PerSecond accepted = -1;
    PerSecond received = -1; // bytes
    PerSecond sent = -1;
    PerSecond refused = -1;
};

struct TopServer {
    std::string pool, name, state, check;
    std::int64_t connections = 0;
    std::int64_t limit = 0; // 0: none
    PerSecond connects = -1;
    PerSecond failures = -1;
};

struct Top {
    std::vector<TopListener> listeners; // those with most connections first, as are the servers; others as in the answer
    std::vector<TopServer> servers;
};

Top top_of(const TopSample& before, const TopSample& now);

// How much there is room for, in characters. No rows: as many as there are lines.
struct TopSize {
    std::size_t columns = 80; // at least 60
    std::size_t rows = 0;
};

// Lines, each with its end, and none longer than the screen is wide; what does not fit is counted in the last line of its part.
// `title` goes before the sums in the first line. No text of others' has its control characters.
std::string top_screen(const Top& top, TopSize size, const std::string& title);

// {"listeners": [{"listener": "web", "state": "accepting", "open": 3, ..., "new_per_second": 310.0, ...}], "servers": [...]};
// what is not known is null.
Json top_json(const Top& top);

} // namespace gatehouse::host
