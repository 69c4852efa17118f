#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

const std::string question = "What is six times seven? ";

TEST(Quiz, KnowsTheAnswer) {
    Plugin quiz;
    EXPECT_EQ(quiz.serve_every_split("42\n"), question + "Right.\n");
    EXPECT_EQ(quiz.serve_every_split("41\n"), question + "No, 42.\n");
}

TEST(Quiz, IsOverAfterTwentySeconds) {
    Plugin quiz;
    const Outcome outcome = quiz.serve({"4", pass(19s), "2", pass(1s), "\n"});
    EXPECT_EQ(outcome.output, question + "\nToo late.\n");
    EXPECT_EQ(outcome.reason, "deadline");
}

TEST(Quiz, SaysGoodbyeWhenTheHostStops) {
    Plugin quiz;
    EXPECT_EQ(quiz.serve({"4", stopping}).output, question + "\nWe are closing. Come back soon.\n");
}
