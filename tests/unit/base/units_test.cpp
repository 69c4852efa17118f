#include "base/units.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

Milliseconds duration(std::string_view text) {
    std::string error;
    const auto value = parse_duration(text, error);
    EXPECT_TRUE(value) << error;
    return value.value_or(Milliseconds(-1));
}

std::string duration_error(std::string_view text) {
    std::string error;
    EXPECT_FALSE(parse_duration(text, error)) << text;
    return error;
}

std::uint64_t size_of(std::string_view text) {
    std::string error;
    const auto value = parse_size(text, error);
    EXPECT_TRUE(value) << error;
    return value.value_or(0);
}

std::string size_error(std::string_view text) {
    std::string error;
    EXPECT_FALSE(parse_size(text, error)) << text;
    return error;
}

TEST(Units, DurationsHaveAUnit) {
    EXPECT_EQ(duration("1500ms"), 1500ms);
    EXPECT_EQ(duration("30s"), 30s);
    EXPECT_EQ(duration("5m"), 5min);
    EXPECT_EQ(duration("2h"), 2h);
    EXPECT_EQ(duration("1d"), 24h);
    EXPECT_EQ(duration("0s"), 0ms);
    EXPECT_EQ(duration("0"), 0ms);
}

TEST(Units, BadDurationsSayWhatIsWrong) {
    EXPECT_EQ(duration_error("30"), R"("30" has no unit)");
    EXPECT_EQ(duration_error(""), R"("" is not a whole number with a unit)");
    EXPECT_EQ(duration_error("s"), R"("s" is not a whole number with a unit)");
    EXPECT_EQ(duration_error("-1s"), R"("-1s" is not a whole number with a unit)");
    EXPECT_EQ(duration_error("+1s"), R"("+1s" is not a whole number with a unit)");
    EXPECT_EQ(duration_error(" 1s"), R"(" 1s" is not a whole number with a unit)");
    EXPECT_EQ(duration_error("1.5h"), R"("1.5h" is not a whole number with a unit)");
    EXPECT_EQ(duration_error("1 s"), R"("1 s" has a blank before its unit)");
    EXPECT_EQ(duration_error("1S"), R"("1S" has the unknown unit "S"; known ones are d, h, m, s, ms)");
    EXPECT_EQ(duration_error("1s\n"), R"("1s\x0a" has the unknown unit "s\x0a"; known ones are d, h, m, s, ms)");
}

TEST(Units, DurationsEndAtAHundredYears) {
    EXPECT_EQ(duration("36500d"), max_duration);
    EXPECT_EQ(duration_error("36501d"), R"("36501d" is too large)");
    EXPECT_EQ(duration_error("18446744073709551615ms"), R"("18446744073709551615ms" is too large)");
    EXPECT_EQ(duration_error("18446744073709551616ms"), R"("18446744073709551616ms" is too large)");
    // 2^64 / 86400000 rounded up: the product wraps around to a small number.
    EXPECT_EQ(duration_error("213503982335d"), R"("213503982335d" is too large)");
}

TEST(Units, SizesAreBytesWithOrWithoutAUnit) {
    EXPECT_EQ(size_of("512"), 512U);
    EXPECT_EQ(size_of("512B"), 512U);
    EXPECT_EQ(size_of("64KiB"), 65'536U);
    EXPECT_EQ(size_of("1MiB"), 1'048'576U);
    EXPECT_EQ(size_of("2GiB"), 2'147'483'648U);
    EXPECT_EQ(size_of("10KB"), 10'000U);
    EXPECT_EQ(size_of("10MB"), 10'000'000U);
    EXPECT_EQ(size_of("1GB"), 1'000'000'000U);
    EXPECT_EQ(size_of("18446744073709551615"), 18'446'744'073'709'551'615U);
}

TEST(Units, BadSizesSayWhatIsWrong) {
    EXPECT_EQ(size_error("64kib"), R"("64kib" has the unknown unit "kib"; known ones are GiB, MiB, KiB, GB, MB, KB, B)");
    EXPECT_EQ(size_error("18446744073709551616"), R"("18446744073709551616" is too large)");
    EXPECT_EQ(size_error("18014398509481984KiB"), R"("18014398509481984KiB" is too large)");
    EXPECT_EQ(size_error("-1"), R"("-1" is not a whole number with a unit)");
    EXPECT_EQ(size_error("0x10"), R"("0x10" has more than one number)");
}

TEST(Units, FormattingTakesTheLargestExactUnit) {
    EXPECT_EQ(format_duration(0ms), "0s");
    EXPECT_EQ(format_duration(1500ms), "1500ms");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(5min), "5m");
    EXPECT_EQ(format_duration(48h), "2d");
    EXPECT_EQ(format_size(0), "0");
    EXPECT_EQ(format_size(1000), "1000");
    EXPECT_EQ(format_size(65'536), "64KiB");
    EXPECT_EQ(format_size(3 << 20), "3MiB");
}

TEST(Units, WhatIsFormattedReadsBack) {
    for (const std::int64_t value : {0LL, 1LL, 999LL, 1000LL, 59'999LL, 60'000LL, 86'400'000LL, 3'153'600'000'000LL})
        EXPECT_EQ(duration(format_duration(Milliseconds(value))).count(), value);
    for (const std::uint64_t value : {0ULL, 1ULL, 1023ULL, 1024ULL, 1'000'000ULL, 1ULL << 30, ~0ULL})
        EXPECT_EQ(size_of(format_size(value)), value);
}

} // namespace
} // namespace gatehouse::host
