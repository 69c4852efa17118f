#include "abi/metrics.hpp"

#include "plugin/test_facilities.hpp"
#include "plugin/text.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

using Texts = std::vector<std::string>;

class MetricsTest : public ::testing::Test {
  protected:
    MetricsTest() { host_.instance.started.store(false); } // create() runs

    static gatehouse_metric_request request(gatehouse_metric_kind kind, std::string_view name) {
        gatehouse_metric_request request{};
        request.size = sizeof request;
        request.kind = kind;
        request.name = str(name);
        request.help = str("what it is");
        return request;
    }
    gatehouse_metric* add(const gatehouse_metric_request& request) {
        gatehouse_metric* metric = nullptr;
        EXPECT_EQ(metrics_table.add_metric(&host_.instance, &request, &metric), GATEHOUSE_OK) << host_.instance.error.take();
        return metric;
    }
    gatehouse_metric* add(gatehouse_metric_kind kind, std::string_view name, const std::vector<gatehouse_str>& labels = {},
                          const std::vector<std::int64_t>& bounds = {}) {
        gatehouse_metric_request wanted = request(kind, name);
        wanted.labels = labels.data();
        wanted.label_count = labels.size();
        wanted.bounds = bounds.data();
        wanted.bound_count = bounds.size();
        return add(wanted);
    }
    static gatehouse_metric_child* child(gatehouse_metric* metric, const std::vector<gatehouse_str>& values = {}) {
        gatehouse_metric_child* child = nullptr;
        EXPECT_EQ(metrics_table.child(metric, values.data(), values.size(), &child), GATEHOUSE_OK);
        return child;
    }
    std::string refusal(const gatehouse_metric_request& request, gatehouse_status status = GATEHOUSE_INVALID) {
        gatehouse_metric* metric = nullptr;
        EXPECT_EQ(metrics_table.add_metric(&host_.instance, &request, &metric), status);
        EXPECT_EQ(metric, nullptr);
        return host_.instance.error.take();
    }
    // As an operator sees them, without the columns `instance` and `help`.
    Texts rows() const {
        Texts rows;
        std::vector<Cell> values;
        host_.instance.metrics.append_rows("test", values);
        Texts cells;
        for (const Cell& cell : values)
            cells.push_back(cell.type == Cell::Type::number ? std::to_string(cell.number) : cell.text);
        const std::size_t columns = Metrics::columns().size();
        for (std::size_t i = 0; i + columns <= cells.size(); i += columns) {
            std::string row = cells[i + 1];
            for (std::size_t j = i + 2; j + 1 < i + columns; ++j) row += "|" + cells[j];
            rows.push_back(row);
        }
        return rows;
    }

    TestFacilities host_;
};

constexpr const char* none_refused = "gatehouse_metrics_refused||counter|0|||";

TEST_F(MetricsTest, AreShownAsTheyWereCounted) {
    gatehouse_metric* requests = add(GATEHOUSE_METRIC_COUNTER, "requests", {str("method"), str("path")});
    gatehouse_metric_child* get = child(requests, {str("GET"), str("/\"\\")});
    EXPECT_EQ(child(requests, {str("GET"), str("/\"\\")}), get);
    gatehouse_metric_child* put = child(requests, {str("PUT"), str("")});
    gatehouse_metric_child* open = child(add(GATEHOUSE_METRIC_GAUGE, "open"));
    gatehouse_metric_request timed = request(GATEHOUSE_METRIC_HISTOGRAM, "elapsed");
    const std::int64_t bounds[] = {10, 100};
    timed.bounds = bounds;
    timed.bound_count = 2;
    timed.unit = str("milliseconds");
    gatehouse_metric_child* elapsed = child(add(timed));

    EXPECT_EQ(metrics_table.add(get, 2), GATEHOUSE_OK);
    EXPECT_EQ(metrics_table.add(get, 1), GATEHOUSE_OK);
    EXPECT_EQ(metrics_table.add(put, 0), GATEHOUSE_OK);
    EXPECT_EQ(metrics_table.set(open, 5), GATEHOUSE_OK);
    EXPECT_EQ(metrics_table.add(open, -7), GATEHOUSE_OK);
    for (const std::int64_t value : {0, 10, 11, 1000}) EXPECT_EQ(metrics_table.observe(elapsed, value), GATEHOUSE_OK);

    EXPECT_EQ(rows(), (Texts{"elapsed||histogram|4|1021|10:2 100:1 inf:1|milliseconds", "open||gauge|-2|||",
                             R"(requests|method="GET" path="/\"\\"|counter|3|||)",
                             R"(requests|method="PUT" path=""|counter|0|||)", none_refused}));
}

TEST_F(MetricsTest, APluginWithoutThemShowsNothing) { EXPECT_EQ(rows(), Texts{}); }

TEST_F(MetricsTest, WhatDoesNotFitTheKindDoesNothing) {
    gatehouse_metric_child* counter = child(add(GATEHOUSE_METRIC_COUNTER, "counter"));
    gatehouse_metric_child* gauge = child(add(GATEHOUSE_METRIC_GAUGE, "gauge"));
    gatehouse_metric_child* histogram = child(add(GATEHOUSE_METRIC_HISTOGRAM, "histogram", {}, {1}));
    EXPECT_EQ(metrics_table.add(counter, -1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.set(counter, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.observe(counter, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.observe(gauge, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.add(histogram, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.set(histogram, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.add(nullptr, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.set(nullptr, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(metrics_table.observe(nullptr, 1), GATEHOUSE_INVALID);
    EXPECT_EQ(rows(), (Texts{"counter||counter|0|||", "gauge||gauge|0|||", "histogram||histogram|0|0||", none_refused}));
}

TEST_F(MetricsTest, WhatIsWrongIsRecorded) {
    add(GATEHOUSE_METRIC_COUNTER, "there");
    EXPECT_EQ(refusal(request(GATEHOUSE_METRIC_COUNTER, "there")), "metric there: it is registered already");
    EXPECT_EQ(refusal(request(GATEHOUSE_METRIC_COUNTER, "No")),
              "metric \"No\": the name is not [a-z_][a-z0-9_]*, or longer than 64 bytes");
    for (const std::string& name : {std::string(), std::string("1a"), std::string("a-b"), std::string(65, 'a')})
        EXPECT_NE(refusal(request(GATEHOUSE_METRIC_COUNTER, name)), "") << name;
    EXPECT_EQ(refusal(request(GATEHOUSE_METRIC_COUNTER, "gatehouse_a")),
              "metric gatehouse_a: names that begin with gatehouse_ are the host's");
    EXPECT_EQ(refusal(request(4, "a")), "metric a: a kind that this host does not know");
    gatehouse_metric_request bad = request(GATEHOUSE_METRIC_GAUGE, "a");
    bad.help = {};
    EXPECT_EQ(refusal(bad), "metric a: the help is empty, or longer than 256 bytes");
    bad = request(GATEHOUSE_METRIC_GAUGE, "a");
    bad.unit = str("KiB");
    EXPECT_EQ(refusal(bad), "metric a: the unit is no name such as \"bytes\"");
    bad = request(GATEHOUSE_METRIC_GAUGE, "a");
    const gatehouse_str labels[9] = {str("b"), str("b"), str("le")};
    bad.labels = labels;
    bad.label_count = 2;
    EXPECT_EQ(refusal(bad), "metric a: label \"b\" is no name, is the host's, or is there twice");
    bad.labels = labels + 2;
    bad.label_count = 1;
    EXPECT_EQ(refusal(bad), "metric a: label \"le\" is no name, is the host's, or is there twice");
    bad.label_count = 9;
    EXPECT_EQ(refusal(bad), "metric a: more than 8 labels");
    const std::int64_t bounds[] = {1, 1};
    bad = request(GATEHOUSE_METRIC_HISTOGRAM, "a");
    EXPECT_EQ(refusal(bad), "metric a: a histogram has 1 to 32 bounds, and nothing else has any");
    bad.bounds = bounds;
    bad.bound_count = 2;
    EXPECT_EQ(refusal(bad), "metric a: each bound must be greater than the one before");
    bad.kind = GATEHOUSE_METRIC_COUNTER;
    EXPECT_EQ(refusal(bad), "metric a: a histogram has 1 to 32 bounds, and nothing else has any");
    host_.instance.started.store(true);
    EXPECT_EQ(refusal(request(GATEHOUSE_METRIC_COUNTER, "late")), "a metric is registered after create()");
    EXPECT_EQ(rows(), Texts{none_refused}) << "no child of `there`, and nothing else";
}

TEST_F(MetricsTest, TooMuchIsRefusedAndCounted) {
    gatehouse_metric* metric = add(GATEHOUSE_METRIC_COUNTER, "seen", {str("who")});
    gatehouse_metric_child* kept = nullptr;
    for (std::size_t i = 0; i < Metrics::most_children; ++i) kept = child(metric, {str(std::to_string(i))});
    gatehouse_metric_child* refused = nullptr;
    const gatehouse_str one_more = str("one more");
    EXPECT_EQ(metrics_table.child(metric, &one_more, 1, &refused), GATEHOUSE_EXHAUSTED);
    EXPECT_EQ(refused, nullptr);
    EXPECT_EQ(child(metric, {str("255")}), kept) << "those that are there stay";
    const std::string long_text(Metrics::longest_value + 1, 'x');
    const gatehouse_str too_long = str(long_text);
    EXPECT_EQ(metrics_table.child(metric, &too_long, 1, &refused), GATEHOUSE_EXHAUSTED);
    EXPECT_EQ(metrics_table.child(metric, nullptr, 0, &refused), GATEHOUSE_INVALID);
    for (std::size_t i = 1; i < Metrics::most; ++i) add(GATEHOUSE_METRIC_GAUGE, "m" + std::to_string(i));
    EXPECT_EQ(refusal(request(GATEHOUSE_METRIC_COUNTER, "another"), GATEHOUSE_EXHAUSTED), "an instance has at most 64 metrics");
    EXPECT_EQ(rows().back(), "gatehouse_metrics_refused||counter|3|||");
}

// One thread shows what others count, and children come meanwhile.
TEST_F(MetricsTest, HoldUnderManyThreads) {
    gatehouse_metric* seen = add(GATEHOUSE_METRIC_COUNTER, "seen", {str("who")});
    gatehouse_metric_child* sizes = child(add(GATEHOUSE_METRIC_HISTOGRAM, "sizes", {}, {100, 500}));
    std::vector<std::thread> threads;
    std::atomic<int> running{4};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                metrics_table.add(child(seen, {str(std::to_string(i % 10))}), 1);
                metrics_table.observe(sizes, i);
            }
            running.fetch_sub(1);
        });
    while (running.load() > 0) rows();
    for (std::thread& thread : threads) thread.join();
    Texts all = rows();
    EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const std::string& row) { return row.ends_with("\"|counter|400|||"); }),
              10);
    EXPECT_EQ(all.at(10), "sizes||histogram|4000|1998000|100:404 500:1600 inf:1996|");
}

} // namespace
} // namespace gatehouse::host
