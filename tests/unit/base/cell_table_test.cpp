#include "base/cell_table.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace gatehouse::host {
namespace {

constexpr auto bytes = Cell::Type::bytes;
constexpr auto number = Cell::Type::number;
constexpr auto seconds = Cell::Type::seconds;
constexpr auto state = Cell::Type::state;

std::string human(const Cell& cell) {
    const std::string text = format_cells({{{"x", cell.type}}, {cell}});
    const std::string line = text.substr(text.find('\n') + 1);
    return line.substr(0, line.find('\n'));
}

TEST(CellTable, PeopleReadSizesAndTimes) {
    EXPECT_EQ(human({bytes, 0}), "0 B");
    EXPECT_EQ(human({bytes, 1023}), "1023 B");
    EXPECT_EQ(human({bytes, 1024}), "1.0 KiB");
    EXPECT_EQ(human({bytes, 1'048'575}), "1.0 MiB");
    EXPECT_EQ(human({bytes, std::numeric_limits<std::int64_t>::max()}), "8.0 EiB");
    EXPECT_EQ(human({seconds, 17}), "17 us");
    EXPECT_EQ(human({seconds, 1500}), "1.5 ms");
    EXPECT_EQ(human({seconds, 999'960}), "1.0 s");
    EXPECT_EQ(human({seconds, 119'900'000}), "119.9 s");
    EXPECT_EQ(human({seconds, 125'000'000}), "2m 5s");
    EXPECT_EQ(human({seconds, 7'500'000'000}), "2h 5m");
    EXPECT_EQ(human({seconds, 266'400'000'000}), "3d 2h");
    EXPECT_EQ(human({Cell::Type::time, 0}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(human({}), "-");
    EXPECT_EQ(human("two\nlines"), "two\\x0alines");
}

TEST(CellTable, NumbersStandToTheRight) {
    EXPECT_EQ(
        format_cells({{"name", {"sent", bytes}, {"share", number, "percent"}, {"state", state}},
                      {"a", {bytes, 5}, Cell::count(1), Cell::state("up"), "long name", {bytes, 70'000}, Cell(), Cell()}}),
        "name           sent  share (percent)  state\n"
        "a               5 B                1  up\n"
        "long name  68.4 KiB                -  -\n");
    EXPECT_EQ(format_cells({}), "");
}

TEST(CellTable, JsonHasNumbersAndTheirTypes) {
    EXPECT_EQ(
        json_cells({{"name",
                     {"sent", bytes},
                     {"took", seconds},
                     {"at", Cell::Type::time},
                     {"state", state},
                     {"share", number, "percent"}},
                    {"a\"b",
                     {bytes, 5},
                     {seconds, 1'500'000},
                     {Cell::Type::time, 1},
                     Cell::state("up"),
                     Cell::count(7),
                     "c",
                     Cell(),
                     {seconds, 0},
                     Cell(),
                     Cell::state("down"),
                     Cell()}}),
        "{\"columns\": [{\"name\": \"name\", \"type\": \"text\"}, {\"name\": \"sent\", \"type\": \"bytes\"}, "
        "{\"name\": \"took\", \"type\": \"seconds\"}, {\"name\": \"at\", \"type\": \"time\"}, "
        "{\"name\": \"state\", \"type\": \"state\"}, "
        "{\"name\": \"share\", \"type\": \"number\", \"unit\": \"percent\"}],\n \"rows\": [\n"
        "  {\"name\": \"a\\\"b\", \"sent\": 5, \"took\": 1.500000, \"at\": \"1970-01-01T00:00:00.001Z\", "
        "\"state\": \"up\", \"share\": 7},\n"
        "  {\"name\": \"c\", \"sent\": null, \"took\": 0.000000, \"at\": null, \"state\": \"down\", \"share\": null}]}\n");
    EXPECT_EQ(json_cells({}), "{\"columns\": [],\n \"rows\": []}\n");
}

} // namespace
} // namespace gatehouse::host
