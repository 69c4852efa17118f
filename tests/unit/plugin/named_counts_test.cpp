#include "plugin/named_counts.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

std::shared_ptr<gatehouse_metric> metric(std::string name, std::vector<std::string> labels = {},
                                         gatehouse_metric_kind kind = GATEHOUSE_METRIC_COUNTER) {
    // NOLINTNEXTLINE(modernize-make-shared): it is an aggregate
    return std::shared_ptr<gatehouse_metric>(new gatehouse_metric{kind, std::move(name), "help", "", std::move(labels), {}});
}

TEST(NamedCounts, AReloadGoesOn) {
    NamedCounts named;
    const auto first = named.same("web", metric("hits"));
    EXPECT_EQ(named.same("web", metric("hits")), first);
    EXPECT_NE(named.same("db", metric("hits")), first);
    const auto counts = named.of("web");
    counts->errors = 3;
    EXPECT_EQ(named.of("web"), counts);
    EXPECT_NE(named.of("db"), counts);
}

TEST(NamedCounts, WhatIsDescribedInAnotherWayBeginsAnew) {
    NamedCounts named;
    const auto first = named.same("web", metric("hits"));
    const auto other = named.same("web", metric("hits", {"code"}));
    EXPECT_NE(other, first);
    EXPECT_EQ(named.same("web", metric("hits", {"code"})), other);
}

TEST(NamedCounts, AGaugeIsAnInstancesOwn) {
    NamedCounts named;
    const auto first = named.same("web", metric("open", {}, GATEHOUSE_METRIC_GAUGE));
    EXPECT_NE(named.same("web", metric("open", {}, GATEHOUSE_METRIC_GAUGE)), first);
}

TEST(NamedCounts, ForgetsWhatNobodyHas) {
    NamedCounts named;
    named.of("web")->errors = 3;
    EXPECT_EQ(named.of("web")->errors, 0U);
}

} // namespace
} // namespace gatehouse::host
