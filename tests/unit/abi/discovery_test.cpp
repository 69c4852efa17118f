// Watches as plugins start and end them. What a watch finds is tried in dns/name_watch_test.cpp.
#include "abi/discovery.hpp"

#include "dns_server.hpp"
#include "plugin/test_facilities.hpp"
#include "plugin/text.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

// A watch whose callback may end it.
struct TestWatch {
    bool ends_itself = false;
    std::mutex mutex;
    std::condition_variable changed;
    gatehouse_watch* watch = nullptr;
    std::vector<std::string> news; // guarded by mutex

    gatehouse_status start(gatehouse_instance& instance, std::string_view name) {
        const std::lock_guard lock(mutex); // the first report waits until the handle is there
        return discovery_table.watch(&instance, str(name), found, this, &watch);
    }
    std::string first() {
        std::unique_lock lock(mutex);
        const bool there = changed.wait_until(lock, std::chrono::system_clock::now() + 40s, [&] { return !news.empty(); });
        return there ? news[0] : "nothing";
    }
    static void found(void* data, const gatehouse_endpoint* endpoints, std::size_t count, std::size_t stride,
                      gatehouse_status status, gatehouse_str why) noexcept {
        EXPECT_EQ(stride, sizeof(gatehouse_endpoint));
        auto& self = *static_cast<TestWatch*>(data);
        const std::lock_guard lock(self.mutex);
        std::string text = std::to_string(status) + " " + std::string(why.data, why.size);
        for (std::size_t i = 0; i < count; ++i)
            text += std::string(endpoints[i].address.data, endpoints[i].address.size) + "/" +
                    std::to_string(endpoints[i].priority) + "/" + std::to_string(endpoints[i].weight);
        self.news.push_back(text);
        if (self.ends_itself) discovery_table.unwatch(self.watch);
        self.changed.notify_all();
    }
};

TEST(Discovery, RefusesWhatIsNoName) {
    TestFacilities host;
    TestWatch watch;
    EXPECT_EQ(watch.start(host.instance, "*:80"), GATEHOUSE_INVALID);
    EXPECT_EQ(host.instance.error.take(),
              R"(watch of *:80: "*:80" is no name to watch (expected "host:port" or "srv:_service._tcp.domain"))");
    EXPECT_EQ(watch.watch, nullptr);
}

TEST(Discovery, EndpointsReachTheCallback) {
    const DnsServer server([](const DnsQuestion& question) {
        if (question.type == dns_srv) return dns_reply(question, dns_service(1, 2, 80, "a.example"), 1);
        return question.type == dns_a ? dns_reply(question, dns_address("192.0.2.1", 60), 1) : dns_reply(question, "", 0);
    });
    TestFacilities host({server.address()});
    TestWatch watch;
    ASSERT_EQ(watch.start(host.instance, "srv:_web._tcp.example"), GATEHOUSE_OK);
    EXPECT_EQ(watch.first(), "0 192.0.2.1:80/1/2");
    discovery_table.unwatch(watch.watch);
}

TEST(Discovery, SoDoesAFailure) {
    const DnsServer server([](const DnsQuestion& question) { return dns_reply(question, "", 0, 3); });
    TestFacilities host({server.address()});
    TestWatch watch;
    ASSERT_EQ(watch.start(host.instance, "db.example:80"), GATEHOUSE_OK);
    EXPECT_EQ(watch.first(), "-6 cannot resolve db.example: there is no such name");
    discovery_table.unwatch(watch.watch);
}

TEST(Discovery, ACallbackMayEndItsOwnWatch) {
    TestFacilities host;
    TestWatch watch;
    watch.ends_itself = true;
    ASSERT_EQ(watch.start(host.instance, "192.0.2.1:80"), GATEHOUSE_OK);
    EXPECT_EQ(watch.first(), "0 192.0.2.1:80/0/0");
}

} // namespace
} // namespace gatehouse::host
