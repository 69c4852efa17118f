#include "control/message.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace gatehouse::host {
namespace {

using Texts = std::vector<std::string>;

TEST(ControlMessage, ATableComesBackAsItWas) {
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    const CellTable table{{"text",
                           {"state", Cell::Type::state},
                           {"number", Cell::Type::number, "percent"},
                           {"bytes", Cell::Type::bytes},
                           {"seconds", Cell::Type::seconds},
                           {"time", Cell::Type::time}},
                          {"",
                           Cell::state("up"),
                           {Cell::Type::number, least},
                           {Cell::Type::bytes, 1},
                           {Cell::Type::seconds, -2},
                           {Cell::Type::time, 3},
                           Cell(),
                           Cell(),
                           Cell(),
                           Cell(),
                           Cell(),
                           Cell()}};
    CellTable back;
    ASSERT_TRUE(read_table(texts_of(table), back));
    EXPECT_EQ(back, table);
    ASSERT_TRUE(read_table(texts_of({}), back));
    EXPECT_EQ(back, CellTable());
}

TEST(ControlMessage, WhatIsNoTableIsRefused) {
    const Texts good{"table", "1", "na", "", "n5"};
    CellTable table;
    ASSERT_TRUE(read_table(good, table));
    for (const Texts& bad :
         {Texts{}, Texts{"table"}, Texts{"failed", "0"}, Texts{"table", "0", "n5"}, Texts{"table", "1", "na"},
          Texts{"table", "1", "", "", "n5"}, Texts{"table", "1", "-a", "", "n5"}, Texts{"table", "1", "xa", "", "n5"},
          Texts{"table", "1", "na", "", ""}, Texts{"table", "1", "na", "", "x5"}, Texts{"table", "2", "na", "", "nb", "", "n5"},
          Texts{"table", "18446744073709551615", "na", ""}, Texts{"table", "9223372036854775809", "na", ""}})
        EXPECT_FALSE(read_table(bad, table)) << ::testing::PrintToString(bad);
}

} // namespace
} // namespace gatehouse::host
