// Two plugins in one program; see GATEHOUSE_ENTRY.
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse;
using namespace gatehouse::kit;

extern "C" {
const gatehouse_plugin* first_entry() noexcept;
const gatehouse_plugin* second_entry() noexcept;
const gatehouse_plugin* shout_entry() noexcept;
const gatehouse_plugin* tap_entry() noexcept;
}

TEST(Entry, EachPluginHasItsOwn) {
    Plugin first({}, Extensions::all, first_entry);
    Plugin second({}, Extensions::all, second_entry);
    EXPECT_EQ(first.serve({"x"}).output, "first");
    EXPECT_EQ(second.serve({"x"}).output, "second");
}

// One of them may be the other's server.
TEST(Entry, APluginServesAnother) {
    Plugin shout({}, Extensions::all, shout_entry);
    Plugin tap({{"server", "shout:7"}}, Extensions::all, tap_entry);
    tap.upstream_is("shout:7", shout);
    const Outcome outcome = tap.serve({"hello", ", world"});
    EXPECT_EQ(outcome.output, "HELLO, WORLD");
    EXPECT_EQ(outcome.upstreams.at(0).received, "hello, world");
    EXPECT_EQ(outcome.reason, "peer_closed");
}

// GoogleTest's own names stay what they are beside both namespaces of the SDK.
class WithTheSdksNames : public testing::Test {};

TEST_F(WithTheSdksNames, GoogleTestIsNotAmbiguous) {
    EXPECT_EQ(Plugin({}, Extensions::all, first_entry).serve({"x"}).reason, "done");
    EXPECT_FALSE(testing::Test::HasFailure());
}
