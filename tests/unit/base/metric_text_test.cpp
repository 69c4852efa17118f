#include "base/metric_text.hpp"

#include <gtest/gtest.h>
#include <string>

namespace gatehouse::host {
namespace {

std::string written(MetricFormat format) {
    std::string all;
    MetricText text(format, [&](std::string_view piece) { all += piece; });
    text.begin({"left_out", MetricKind::gauge, {}, "It has no value."});
    text.begin({"hits_total", MetricKind::counter, {"site", "code"}, "Says \"hits\", \\ and\nmore."});
    text.add({"a\"b\\c\nd", "200"}, std::uint64_t{7});
    text.add({"", "404"}, std::uint64_t{0});
    text.begin({"level", MetricKind::gauge, {}, "A level."});
    text.add({}, -1.5);
    TimeHistogram times;
    for (const Nanoseconds time : {-5, 100'000, 100'001, 2'000'000'000}) times.count(time);
    times.count(61'000'000'000);
    text.begin({"took_seconds", MetricKind::histogram, {"site"}, "Times."});
    text.add({"x"}, times.counts());
    text.finish();
    return all;
}

TEST(MetricText, IsAsPrometheusReadsIt) {
    EXPECT_EQ("\n" + written(MetricFormat::text), R"(
# HELP hits_total Says "hits", \\ and\nmore.
# TYPE hits_total counter
hits_total{site="a\"b\\c\nd",code="200"} 7
hits_total{site="",code="404"} 0
# HELP level A level.
# TYPE level gauge
level -1.5
# HELP took_seconds Times.
# TYPE took_seconds histogram
took_seconds_bucket{site="x",le="0.0001"} 2
took_seconds_bucket{site="x",le="0.0005"} 3
took_seconds_bucket{site="x",le="0.001"} 3
took_seconds_bucket{site="x",le="0.005"} 3
took_seconds_bucket{site="x",le="0.01"} 3
took_seconds_bucket{site="x",le="0.05"} 3
took_seconds_bucket{site="x",le="0.1"} 3
took_seconds_bucket{site="x",le="0.5"} 3
took_seconds_bucket{site="x",le="1"} 3
took_seconds_bucket{site="x",le="5"} 4
took_seconds_bucket{site="x",le="10"} 4
took_seconds_bucket{site="x",le="60"} 4
took_seconds_bucket{site="x",le="+Inf"} 5
took_seconds_sum{site="x"} 63.000200001
took_seconds_count{site="x"} 5
)");
}

TEST(MetricText, OrAsOpenMetricsHasIt) {
    const std::string text = written(MetricFormat::openmetrics);
    EXPECT_TRUE(text.starts_with("# HELP hits Says \\\"hits\\\", \\\\ and\\nmore.\n# TYPE hits counter\nhits_total{")) << text;
    EXPECT_NE(text.find("took_seconds_bucket{site=\"x\",le=\"1.0\"} 3\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("took_seconds_count{site=\"x\"} 5\n# EOF\n")) << text;
}

TEST(MetricText, ComesInPieces) {
    std::size_t most = 0;
    std::size_t all = 0;
    MetricText text(MetricFormat::text, [&](std::string_view piece) {
        most = std::max(most, piece.size());
        all += piece.size();
    });
    text.begin({"lines", MetricKind::gauge, {"number"}, "Many."});
    for (std::uint64_t i = 0; i < 10'000; ++i) text.add({std::to_string(i)}, i);
    text.finish();
    EXPECT_GT(all, 200'000U);
    EXPECT_LT(most, 40'000U);
}

} // namespace
} // namespace gatehouse::host
