#include <gatehouse/testing.hpp>
#include <gtest/gtest.h>

using namespace gatehouse::kit;

TEST(Overview, HasALineForEachListener) {
    Plugin overview;
    overview.host_shows("listeners", {"listener", "address", {"connections", GATEHOUSE_TYPE_NUMBER}},
                        {{"web", "*:80", 12}, {"db", "127.0.0.1:5432", 0}});
    EXPECT_EQ(overview.serve({end}).output, "web at *:80: 12 connections\ndb at 127.0.0.1:5432: 0 connections\n");
}

TEST(Overview, AHostWithoutTheTableIsAnError) {
    Plugin overview;
    EXPECT_EQ(overview.serve({end}).reason, "plugin_exception");
}
