#include "base/did_you_mean.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gatehouse::host {
namespace {

const std::vector<std::string> keys{"backlog", "max_connections", "name", "nodelay", "mode", "warning"};

TEST(DidYouMean, OneErrorForEveryThreeLetters) {
    EXPECT_EQ(did_you_mean("backlock", keys), "backlog");
    EXPECT_EQ(did_you_mean("bcaklog", keys), "backlog"); // swapped: one error, not two
    EXPECT_EQ(did_you_mean("maxconnection", keys), "max_connections");
    EXPECT_EQ(did_you_mean("moed", keys), "mode");
    EXPECT_EQ(did_you_mean("no", keys), "");
    EXPECT_EQ(did_you_mean("tls", keys), "");
}

TEST(DidYouMean, CaseAndDashesDoNotCount) {
    EXPECT_EQ(did_you_mean("Max-Connections", keys), "max_connections");
    EXPECT_EQ(did_you_mean("NAME", keys), "name");
}

TEST(DidYouMean, Abbreviations) {
    EXPECT_EQ(did_you_mean("warn", keys), "warning");
    EXPECT_EQ(did_you_mean("names_of_all", keys), "name");
}

TEST(DidYouMean, TheNearestWins) {
    const std::vector<std::string> near{"http1", "https", "http"};
    EXPECT_EQ(did_you_mean("htttp", near), "http");
}

TEST(DidYouMean, LongAndEmptyWordsHaveNone) {
    EXPECT_EQ(did_you_mean("", keys), "");
    EXPECT_EQ(did_you_mean(std::string(65, 'a'), keys), "");
    const std::vector<std::string> odd{"", std::string(100'000, 'a')};
    EXPECT_EQ(did_you_mean(std::string(64, 'a'), odd), "");
}

} // namespace
} // namespace gatehouse::host
