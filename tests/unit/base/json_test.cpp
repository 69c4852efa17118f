#include "base/json.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(Json, IsIndented) {
    Json list = Json::array();
    list.add(Json::raw("1")).add(Json::object()).add(Json::texts({"a", "b"}));
    Json object = Json::object();
    object.set("list", std::move(list)).set("none", Json::array());
    EXPECT_EQ(object.pretty(), "{\n"
                               "  \"list\": [\n"
                               "    1,\n"
                               "    {},\n"
                               "    [\n"
                               "      \"a\",\n"
                               "      \"b\"\n"
                               "    ]\n"
                               "  ],\n"
                               "  \"none\": []\n"
                               "}\n");
}

TEST(Json, EscapesTexts) {
    Json object = Json::object();
    object.set("a \"key\"", Json::text("two\nlines\\"));
    EXPECT_EQ(object.pretty(), "{\n  \"a \\\"key\\\"\": \"two\\u000alines\\\\\"\n}\n");
}

} // namespace
} // namespace gatehouse::host
