#include "base/text_table.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(FormatTable, ColumnsAreAsWideAsTheirWidestCell) {
    EXPECT_EQ(format_table({{"a", "second", "c"}, {"long cell", "x", "y"}}), "a          second  c\n"
                                                                             "long cell  x       y\n");
}

TEST(FormatTable, TheHeaderAloneIsATable) { EXPECT_EQ(format_table({{"only"}}), "only\n"); }

TEST(FormatJsonRows, AreObjectsWithTheHeaderAsKeys) {
    EXPECT_EQ(format_json_rows({{"name", "problem"}, {"echo", ""}, {"bad", "a \"quoted\"\nline"}}),
              "[\n  {\"name\": \"echo\", \"problem\": \"\"},\n  {\"name\": \"bad\", \"problem\": \"a "
              "\\\"quoted\\\"\\u000aline\"}\n]\n");
}

TEST(FormatJsonRows, WithoutRowsItIsAnEmptyArray) {
    const boost::json::value value = boost::json::parse(format_json_rows({{"name"}}));
    EXPECT_TRUE(value.as_array().empty());
}

} // namespace
} // namespace gatehouse::host
