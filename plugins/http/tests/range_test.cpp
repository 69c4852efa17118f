#include "range.hpp"

#include <gtest/gtest.h>

using namespace http;
using Kind = RangeRequest::Kind;
using Ranges = std::vector<ByteRange>;

namespace {

Ranges parts(std::string_view value, std::uint64_t size = 1000) {
    const RangeRequest request = parse_range(value, size);
    EXPECT_EQ(request.kind, Kind::parts) << value;
    return request.ranges;
}

} // namespace

TEST(Range, TakesEveryForm) {
    EXPECT_EQ(parts("bytes=0-0"), (Ranges{{0, 0}}));
    EXPECT_EQ(parts("bytes=0-499"), (Ranges{{0, 499}}));
    EXPECT_EQ(parts("bytes=500-"), (Ranges{{500, 999}}));
    EXPECT_EQ(parts("bytes=-1"), (Ranges{{999, 999}}));
    EXPECT_EQ(parts("bytes=-1000"), (Ranges{{0, 999}}));
    EXPECT_EQ(parts("bytes=999-"), (Ranges{{999, 999}}));
    EXPECT_EQ(parts("Bytes=1-2"), (Ranges{{1, 2}}));
    EXPECT_EQ(parts("bytes=0-1, 5-6 ,-1"), (Ranges{{0, 1}, {5, 6}, {999, 999}}));
    EXPECT_EQ(parts("bytes=,0-1,,2-3,"), (Ranges{{0, 1}, {2, 3}}));
}

TEST(Range, ClipsToTheFile) {
    EXPECT_EQ(parts("bytes=900-2000"), (Ranges{{900, 999}}));
    EXPECT_EQ(parts("bytes=-2000"), (Ranges{{0, 999}}));
    EXPECT_EQ(parts("bytes=0-18446744073709551615"), (Ranges{{0, 999}}));
    EXPECT_EQ(parts("bytes=0-99999999999999999999999999"), (Ranges{{0, 999}}));
    EXPECT_EQ(parts("bytes=-18446744073709551616"), (Ranges{{0, 999}}));
}

TEST(Range, LeavesOutWhatCannotBeSatisfied) {
    EXPECT_EQ(parts("bytes=2000-3000,0-0"), (Ranges{{0, 0}}));
    EXPECT_EQ(parse_range("bytes=1000-", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=1000-1001,-0", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=18446744073709551615-", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=18446744073709551616-18446744073709551617", 1000).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=0-0", 0).kind, Kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=-0", 0).kind, Kind::unsatisfiable);
}

TEST(Range, AnEmptyFileEndsWithAllOfIt) {
    for (std::string_view value : {"bytes=-5", "bytes=0-0,-5", "bytes=-5,0-0"})
        EXPECT_EQ(parse_range(value, 0).kind, Kind::whole) << value;
}

TEST(Range, IgnoresWhatIsNoRange) {
    for (std::string_view value : {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1",
                                   "bytes=1-2-3", "bytes=--1", "bytes=+1-2", "bytes=1-2;3-4", "bytes 1-2", "bytes= 1 - 2",
                                   "pages=1-2", "bytes=0-1, bytes=2-3", "bytes=0-1,x", "bytes=0x1-2"})
        EXPECT_EQ(parse_range(value, 1000).kind, Kind::whole) << value;
}

TEST(Range, BoundsTheAnswer) {
    const auto ranges = [](std::size_t count) {
        std::string value = "bytes=0-0";
        for (std::size_t i = 1; i < count; ++i) value += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
        return value;
    };
    EXPECT_EQ(parts(ranges(max_ranges)).size(), max_ranges);
    EXPECT_EQ(parse_range(ranges(max_ranges + 1), 1000).kind, Kind::whole);
    EXPECT_EQ(parts("bytes=0-499,0-499"), (Ranges{{0, 499}, {0, 499}})); // overlaps, and is no more than the file
    EXPECT_EQ(parse_range("bytes=0-499,0-499,0-0", 1000).kind, Kind::whole);
    EXPECT_EQ(parse_range("bytes=0-,0-,0-,0-", 1000).kind, Kind::whole);
    EXPECT_EQ(parse_range("bytes=0-,1-", 18446744073709551615U).kind, Kind::whole);
}
