// The test kit's metrics, and what it says of a plugin that uses them wrongly.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>

using namespace gatehouse::kit;
using gatehouse::Counter;
using gatehouse::Gauge;
using gatehouse::Histogram;
using gatehouse::Init;
using gatehouse::Metric;

namespace {

std::function<void(const Init&)> in_create;
const gatehouse::detail::Host* host = nullptr;

struct Shop {
    explicit Shop(Init& init) : init_(init) {
        host = &init_.host();
        in_create(init);
    }
    void serve(gatehouse::Connection&) {}
    Init init_;
};

// What the kit says of what this does in create(), or when the plugin has started.
std::string violation(std::function<void(const Init&)> create, const std::function<void(Plugin&)>& then = {}) {
    in_create = [&create](const Init& init) {
        try {
            create(init);
        } catch (const std::runtime_error&) { // the kit says more
        }
    };
    try {
        Plugin shop;
        if (then) then(shop);
        shop.settle();
        return "";
    } catch (const ContractViolation& violation) {
        return violation.what();
    }
}

TEST(TestingMetrics, ATestReadsWhatWasCounted) {
    Counter red;
    Gauge open;
    Histogram price;
    in_create = [&](const Init& init) {
        const Metric<Counter> sold(init, "sold", "things that were sold", {.labels = {"colour"}});
        red = sold.with({"red"});
        sold.with({"red"}).add(); // the same
        open = Metric<Gauge>(init, "carts", "carts that are not paid").with();
        price = Metric<Histogram>(init, "price", "what was paid", {.unit = "cents", .bounds = {10, 100}}).with();
    };
    Plugin shop;
    red.add(2);
    open.set(7);
    open.add(-3);
    for (const int cents : {5, 10, 11, 1000}) price.observe(cents);
    EXPECT_EQ(shop.metric("sold", {"red"}), 3);
    EXPECT_EQ(shop.metric("sold", {"blue"}), 0);
    EXPECT_EQ(shop.metric("carts"), 4);
    EXPECT_EQ(shop.metric("price"), 4);
    EXPECT_EQ(shop.histogram("price").sum, 1026);
    EXPECT_EQ(shop.histogram("price").ranges, (std::vector<std::uint64_t>{2, 1, 1}));
    EXPECT_THROW(shop.metric("prize"), std::logic_error);
}

TEST(TestingMetrics, WhereThereAreNoneNothingIsCounted) {
    Counter sold;
    in_create = [&](const Init& init) { sold = Metric<Counter>(init, "sold", "things that were sold").with(); };
    const Plugin shop({}, Extensions::none);
    sold.add();
    Counter().add();
}

TEST(TestingMetrics, TheyAreBoundedAsInTheHost) {
    in_create = [](const Init& init) {
        const Metric<Counter> sold(init, "sold", "things that were sold", {.labels = {"colour"}});
        for (int i = 0; i < 300; ++i) sold.with({std::to_string(i)}).add();
        sold.with({std::string(129, 'x')}).add();
        for (int i = 1; i < 64; ++i) Metric<Counter>(init, "m" + std::to_string(i), "one more");
        EXPECT_THROW(Metric<Counter>(init, "m64", "one more"), std::runtime_error);
    };
    Plugin shop;
    EXPECT_EQ(shop.metric("sold", {"255"}), 1);
    EXPECT_EQ(shop.metric("sold", {"256"}), 0);
}

TEST(TestingMetrics, TheyAreRegisteredInCreate) {
    EXPECT_EQ(violation([](const Init&) {},
                        [](Plugin&) {
                            gatehouse_metric_request request{};
                            request.size = sizeof request;
                            request.name = {"late", 4};
                            gatehouse_metric* metric = nullptr;
                            EXPECT_EQ(host->metrics->add_metric(host->instance, &request, &metric), GATEHOUSE_INVALID);
                        }),
              "metric \"late\": after create()");
}

TEST(TestingMetrics, WhatIsWrongWithARequestIsNamed) {
    const auto of = [](std::string_view name, const gatehouse::MetricOptions& options = {}) {
        return violation([&](const Init& init) { Metric<Counter>(init, name, "help", options); });
    };
    const auto breaks = [](const std::string& name) {
        return "metric \"" + name + "\": the request breaks a rule of ext/metrics.h";
    };
    EXPECT_EQ(of("good_1"), "");
    EXPECT_EQ(of("Bad"), breaks("Bad"));
    EXPECT_EQ(of("1st"), breaks("1st"));
    EXPECT_EQ(of("gatehouse_x"), breaks("gatehouse_x"));
    EXPECT_EQ(of("a", {.unit = "KiB"}), breaks("a"));
    EXPECT_EQ(of("a", {.labels = {"le"}}), breaks("a"));
    EXPECT_EQ(of("a", {.labels = {"b", "b"}}), breaks("a"));
    EXPECT_EQ(of("a", {.bounds = {1}}), breaks("a")) << "only a histogram has bounds";
    EXPECT_EQ(violation([](const Init& init) { Metric<Histogram>(init, "a", "help", {.bounds = {2, 2}}); }), breaks("a"));
    EXPECT_EQ(violation([](const Init& init) { Metric<Histogram>(init, "a", "help"); }), breaks("a"));
    EXPECT_EQ(violation([](const Init& init) {
                  const Metric<Counter> first(init, "a", "help");
                  Metric<Counter>(init, "a", "help");
              }),
              "metric \"a\": it is registered already");
}

TEST(TestingMetrics, WhatDoesNotFitTheKindIsNamed) {
    EXPECT_EQ(violation([](const Init& init) { Metric<Counter>(init, "a", "help").with().add(-1); }),
              "add() for metric \"a\": not with this kind, or a counter would become less");
    EXPECT_EQ(violation([](const Init& init) { Metric<Counter>(init, "a", "help").with({"x"}); }),
              "child() of metric \"a\": another number of values than of labels");
}

} // namespace
GATEHOUSE_PLUGIN(Shop, "shop", "1.0.0")
