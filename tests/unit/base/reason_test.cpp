#include "base/reason.hpp"

#include <gtest/gtest.h>
#include <set>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

TEST(Reason, EachHasItsOwnWord) {
    const std::set<std::string_view> words(reason_names.begin(), reason_names.end());
    EXPECT_EQ(words.size(), reason_names.size());
    for (const std::string_view word : words) {
        EXPECT_FALSE(word.empty());
        EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << word;
    }
}

TEST(Reason, WordsAndValuesAreInTheSameOrder) {
    EXPECT_EQ(to_string(Reason::done), "done");
    EXPECT_EQ(to_string(Reason::peer_reset), "peer_reset");
    EXPECT_EQ(to_string(Reason::deadline), "deadline");
    EXPECT_EQ(to_string(Reason::source_full), "source_full");
    EXPECT_EQ(to_string(Reason::upstream_failed), "upstream_failed");
    EXPECT_EQ(to_string(Reason::drained), "drained");
    EXPECT_EQ(to_string(Reason::host_out_of_memory), "host_out_of_memory");
    EXPECT_EQ(to_string(Reason::host_out_of_ports), "host_out_of_ports");
}

TEST(Ledger, CountsFromAllThreads) {
    Ledger ledger;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 1000; ++j) ledger.count(j % 2 == 0 ? Reason::done : Reason::drained);
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ledger[Reason::done], 2000U);
    EXPECT_EQ(ledger[Reason::drained], 2000U);
    EXPECT_EQ(ledger[Reason::peer_reset], 0U);
}

} // namespace
} // namespace gatehouse::host
