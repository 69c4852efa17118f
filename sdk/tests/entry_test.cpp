// Two plugins in one program; see GATEHOUSE_ENTRY.
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse;
using namespace gatehouse::kit;

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

// GoogleTest's own names stay what they are beside both namespaces of the SDK.
class WithTheSdksNames : public testing::Test {};

TEST_F(WithTheSdksNames, GoogleTestIsNotAmbiguous) {
    EXPECT_EQ(Plugin({}, Extensions::all, first_entry).serve({"x"}).reason, "done");
    EXPECT_FALSE(testing::Test::HasFailure());
}
