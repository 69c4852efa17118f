// The test kit of a made-up minor 4 is the host: of plugins that know 4, and of one that was built with today's SDK.
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

extern "C" {
const gatehouse_plugin* default_entry() noexcept;
const gatehouse_plugin* knows_entry() noexcept;
const gatehouse_plugin* needs_entry() noexcept;
const gatehouse_plugin* this_entry() noexcept;
}

static_assert(GATEHOUSE_ABI_MINOR == 4);

namespace {

std::string answer(EntryPoint entry) { return Plugin({}, Extensions::all, entry).serve().output; }

TEST(HostOfTheNextMinor, TakesPluginsOfThisOne) { EXPECT_EQ(answer(this_entry), "knows nothing of it"); }

TEST(HostOfTheNextMinor, HasWhatItsPluginsUse) {
    EXPECT_EQ(answer(default_entry), "knows nothing of it");
    EXPECT_EQ(answer(knows_entry), "has it");
    EXPECT_EQ(answer(needs_entry), "has it");
}

TEST(HostOfTheNextMinor, KnowsTheKeysOfAllOfThem) {
    for (const EntryPoint entry : {this_entry, default_entry, knows_entry, needs_entry}) {
        try {
            const Plugin plugin({{"two", "x"}}, Extensions::all, entry);
            ADD_FAILURE() << "it has not refused it";
        } catch (const Refused& refused) {
            EXPECT_STREQ(refused.what(), "two: unknown key (known here: one, other)");
        }
    }
}

TEST(PluginOfTheNextMinor, ClaimsWhatItNeedsAndNoMore) {
    EXPECT_EQ(default_entry()->needs_minor, 3U);
    EXPECT_EQ(knows_entry()->needs_minor, 3U);
    EXPECT_EQ(needs_entry()->needs_minor, 4U);
    EXPECT_EQ(default_entry()->size, this_entry()->size);
    EXPECT_GT(knows_entry()->size, this_entry()->size);
}

} // namespace
