#include "conditional.hpp"
#include "date.hpp"

#include <gtest/gtest.h>

using namespace http;

namespace {

constexpr std::int64_t modified = 784'111'777; // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::int64_t now = modified + 1000;
constexpr Validators current{"\"abc\"", modified};
const std::string same_date = "Sun, 06 Nov 1994 08:49:37 GMT";
const std::string earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
const std::string later = "Sun, 06 Nov 1994 08:49:38 GMT";

Request with(std::optional<std::string> Request::* field, const std::string& value) {
    Request request;
    request.*field = value;
    return request;
}

Verdict verdict(const Request& request) { return evaluate_preconditions(request, current, now); }

} // namespace

TEST(Conditional, IfNoneMatchComparesWeakly) {
    for (const char* value : {"\"abc\"", "W/\"abc\"", "*", "\"x\", \"abc\"", "\"x\",W/\"abc\" , \"y\"", ", ,\"abc\""})
        EXPECT_EQ(verdict(with(&Request::if_none_match, value)), Verdict::not_modified) << value;
    for (const char* value : {"\"x\" \"abc\"", "\"x y\", \"abc\"", "W/ \"abc\"", "\"abc\" x", "\"x\"", "abc", "", "\"abc",
                              "w/\"abc\"", "\"ABC\"", "\"x\" y \"abc\"", "*, \"x\"", "\"x, \"abc\""})
        EXPECT_EQ(verdict(with(&Request::if_none_match, value)), Verdict::proceed) << value;
}

TEST(Conditional, IfMatchComparesStrongly) {
    for (const char* value : {"\"abc\"", "*", "\"x\", \"abc\"", "W/\"abc\", \"abc\""})
        EXPECT_EQ(verdict(with(&Request::if_match, value)), Verdict::proceed) << value;
    for (const char* value : {"\"x\"", "W/\"abc\"", "", "abc"})
        EXPECT_EQ(verdict(with(&Request::if_match, value)), Verdict::precondition_failed) << value;
}

TEST(Conditional, DatesDecideWithoutTags) {
    EXPECT_EQ(verdict(with(&Request::if_modified_since, same_date)), Verdict::not_modified);
    EXPECT_EQ(verdict(with(&Request::if_modified_since, later)), Verdict::not_modified);
    EXPECT_EQ(verdict(with(&Request::if_modified_since, earlier)), Verdict::proceed);
    EXPECT_EQ(verdict(with(&Request::if_modified_since, "yesterday")), Verdict::proceed);
    EXPECT_EQ(verdict(with(&Request::if_unmodified_since, same_date)), Verdict::proceed);
    EXPECT_EQ(verdict(with(&Request::if_unmodified_since, later)), Verdict::proceed);
    EXPECT_EQ(verdict(with(&Request::if_unmodified_since, earlier)), Verdict::precondition_failed);
    EXPECT_EQ(verdict(with(&Request::if_unmodified_since, "yesterday")), Verdict::proceed);
}

// All combinations of the four fields, each absent, true or false, against the steps of RFC 9110 §13.2.2.
TEST(Conditional, FollowsTheOrderOfTheRfc) {
    enum State { absent, holds, fails };
    for (int i = 0; i < 81; ++i) {
        const auto match = static_cast<State>(i % 3), unmodified = static_cast<State>(i / 3 % 3);
        const auto none_match = static_cast<State>(i / 9 % 3), since = static_cast<State>(i / 27);
        Request request;
        if (match != absent) request.if_match = match == holds ? "\"abc\"" : "\"x\"";
        if (unmodified != absent) request.if_unmodified_since = unmodified == holds ? same_date : earlier;
        if (none_match != absent) request.if_none_match = none_match == holds ? "\"x\"" : "\"abc\"";
        if (since != absent) request.if_modified_since = since == holds ? earlier : same_date;

        Verdict expected = Verdict::proceed;
        if (match == fails || (match == absent && unmodified == fails))
            expected = Verdict::precondition_failed;
        else if (none_match == fails || (none_match == absent && since == fails))
            expected = Verdict::not_modified;
        EXPECT_EQ(verdict(request), expected) << "combination " << i;
    }
}

TEST(Conditional, IfRangeNeedsCertainty) {
    const auto applies = [](const std::string& value, std::int64_t at = now) {
        return range_applies(with(&Request::if_range, value), current, at);
    };
    EXPECT_TRUE(range_applies(Request(), current, now));
    EXPECT_TRUE(applies("\"abc\""));
    EXPECT_FALSE(applies("W/\"abc\""));
    EXPECT_FALSE(applies("\"x\""));
    EXPECT_TRUE(applies(same_date));
    EXPECT_FALSE(applies(later));
    EXPECT_FALSE(applies(earlier));
    EXPECT_FALSE(applies("*"));
}

TEST(Conditional, WithoutValidatorsNothingIsKnown) {
    const Validators none{"", std::nullopt};
    const auto verdict = [&](std::optional<std::string> Request::* field, const std::string& value) {
        return evaluate_preconditions(with(field, value), none, now);
    };
    EXPECT_EQ(verdict(&Request::if_match, "*"), Verdict::proceed);
    EXPECT_EQ(verdict(&Request::if_none_match, "*"), Verdict::not_modified);
    EXPECT_EQ(verdict(&Request::if_match, "\"\""), Verdict::precondition_failed);
    EXPECT_EQ(verdict(&Request::if_none_match, "\"\""), Verdict::proceed);
    EXPECT_EQ(verdict(&Request::if_modified_since, same_date), Verdict::proceed);
    EXPECT_EQ(verdict(&Request::if_unmodified_since, earlier), Verdict::proceed);
    for (const std::string& value : {std::string("\"\""), same_date})
        EXPECT_FALSE(range_applies(with(&Request::if_range, value), none, now)) << value;
}

TEST(Conditional, StampsNameAStateWhenTheClockHasGoneOn) {
    const std::timespec stamp{modified, 123'456'789};
    const auto after = [](std::timespec from, long nanoseconds) {
        from.tv_nsec += nanoseconds;
        from.tv_sec += from.tv_nsec / 1'000'000'000;
        from.tv_nsec %= 1'000'000'000;
        return from;
    };
    EXPECT_FALSE(names_state(stamp, stamp));
    EXPECT_FALSE(names_state(stamp, after(stamp, 9'999'999)));
    EXPECT_TRUE(names_state(stamp, after(stamp, 10'000'000)));
    EXPECT_TRUE(names_state({modified, 999'999'999}, {modified + 1, 9'999'999}));
    EXPECT_FALSE(names_state({modified, 999'999'999}, {modified + 1, 9'999'998}));
    EXPECT_FALSE(names_state(stamp, {modified - 1, 0}));
    EXPECT_TRUE(names_state(stamp, {INT64_MAX, 0}));
    EXPECT_FALSE(names_state({modified, 0}, {modified + 1, 999'999'999})); // seconds or two: FAT
    EXPECT_TRUE(names_state({modified, 0}, {modified + 2, 0}));
    EXPECT_FALSE(second_names_state(stamp, {modified, 999'999'999}));
    EXPECT_TRUE(second_names_state(stamp, {modified + 1, 0}));
    EXPECT_FALSE(second_names_state({modified, 0}, {modified + 1, 0}));
    EXPECT_TRUE(second_names_state({modified, 0}, {modified + 2, 0}));
    for (const std::int64_t none : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}}) {
        EXPECT_FALSE(names_state({none, 1}, {modified, 0}));
        EXPECT_FALSE(second_names_state({none, 1}, {modified, 0}));
    }
}

TEST(Date, IsWrittenAsTheRfcSays) {
    EXPECT_EQ(HttpDate(modified).text(), same_date);
    EXPECT_EQ(HttpDate(0).text(), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(HttpDate(951'827'696).text(), "Tue, 29 Feb 2000 12:34:56 GMT");
    EXPECT_EQ(HttpDate(INT64_MAX).text(), "Fri, 31 Dec 9999 23:59:59 GMT");
    EXPECT_EQ(HttpDate(INT64_MIN).text(), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(Date, IsReadInAllThreeForms) {
    EXPECT_EQ(parse_http_date(same_date, now), modified);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now), modified);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", now), modified);
    EXPECT_EQ(parse_http_date("Sun Nov 16 08:49:37 1994", now), modified + 10 * 86'400);
    for (std::int64_t time : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{951'827'696}, std::int64_t{4'102'444'799}})
        EXPECT_EQ(parse_http_date(HttpDate(time).text(), now), time);
}

TEST(Date, TwoDigitYearsAreNearby) {
    const std::int64_t year_2026 = 1'770'000'000;
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", year_2026), modified);
    EXPECT_EQ(parse_http_date("Sunday, 01-Jan-40 00:00:00 GMT", year_2026), 2'208'988'800);
}

TEST(Date, RefusesEverythingElse) {
    for (std::string_view text :
         {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
          "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov -994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994"})
        EXPECT_EQ(parse_http_date(text, now), std::nullopt) << text;
}
