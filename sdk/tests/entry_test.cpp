// Two plugins in one program; see GATEHOUSE_ENTRY.
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::testing;

extern "C" {
const gatehouse_plugin* first_entry() noexcept;
const gatehouse_plugin* second_entry() noexcept;
}

TEST(Entry, EachPluginHasItsOwn) {
    Plugin first({}, Extensions::all, first_entry);
    Plugin second({}, Extensions::all, second_entry);
    EXPECT_EQ(first.serve({"x"}).output, "first");
    EXPECT_EQ(second.serve({"x"}).output, "second");
}
