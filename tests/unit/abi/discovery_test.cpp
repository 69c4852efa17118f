#include "abi/discovery.hpp"

#include "dns_server.hpp"
#include "plugin/instance.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <random>
#include <sys/resource.h>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

gatehouse_str str(std::string_view text) { return {text.data(), text.size()}; }

// What a watch has said: "192.0.2.1:80/priority/weight ..." or "status: why".
class Watched {
  public:
    Watched(gatehouse_instance& instance, const std::string& name) {
        EXPECT_EQ(discovery_table.watch(&instance, str(name), found, this, &watch_), GATEHOUSE_OK) << take_error_text();
    }
    ~Watched() { unwatch(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    void unwatch() {
        if (watch_ != nullptr) discovery_table.unwatch(std::exchange(watch_, nullptr));
    }
    std::string news(std::size_t index = 0) {
        std::unique_lock lock(mutex_);
        const bool there = more_.wait_until(lock, std::chrono::system_clock::now() + 40s, [&] { return news_.size() > index; });
        return there ? news_[index] : "nothing";
    }
    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return news_.size();
    }

  private:
    static void found(void* data, const gatehouse_endpoint* endpoints, std::size_t count, gatehouse_status status,
                      gatehouse_str why) noexcept {
        std::string text = status == GATEHOUSE_OK ? "" : std::to_string(status) + ": " + std::string(why.data, why.size);
        for (std::size_t i = 0; i < count; ++i) {
            text += (i == 0 ? "" : " ") + std::string(endpoints[i].address.data, endpoints[i].address.size);
            if (endpoints[i].priority != 0 || endpoints[i].weight != 0)
                text += "/" + std::to_string(endpoints[i].priority) + "/" + std::to_string(endpoints[i].weight);
        }
        auto& self = *static_cast<Watched*>(data);
        const std::lock_guard lock(self.mutex_);
        self.news_.push_back(text);
        self.more_.notify_all();
    }

    gatehouse_watch* watch_ = nullptr;
    std::mutex mutex_;
    std::condition_variable more_;
    std::vector<std::string> news_; // guarded by mutex_
};

// The host's side of one test: a name server and everything up to the plugin's table.
struct World {
    static constexpr std::chrono::nanoseconds short_second = 50ms;

    explicit World(DnsServer::Answer answer, std::chrono::nanoseconds second = short_second)
        : server(std::move(answer)), discovery(background, {server.address()}, second.count()) {}

    static LogConfig quiet() {
        LogConfig config;
        config.level = LogLevel::error;
        return config;
    }

    DnsServer server;
    Log log{quiet()};
    Drain drain;
    Background background{Scheduling::other};
    Discovery discovery;
    gatehouse_instance instance{"test", log, drain, discovery, {}, {}};
};

DnsServer::Answer addresses(std::vector<const char*> list, std::uint32_t ttl = 1) {
    return [=](const DnsQuestion& question) {
        std::string records;
        unsigned count = 0;
        for (const char* address : list) {
            if ((std::string_view(address).find(':') != std::string_view::npos) != (question.type == dns_aaaa)) continue;
            records += dns_address(address, ttl);
            ++count;
        }
        return dns_reply(question, records, count);
    };
}

DnsServer::Answer code(unsigned number) {
    return [=](const DnsQuestion& question) { return dns_reply(question, "", 0, number); };
}

std::optional<std::string> silence(const DnsQuestion& /*question*/) { return std::nullopt; }

// --- names ----------------------------------------------------------------------------------------------------------------

TEST(Discovery, RefusesWhatIsNoName) {
    World world(silence);
    gatehouse_watch* watch = nullptr;
    const auto refused = [&](const std::string& name) {
        EXPECT_EQ(discovery_table.watch(&world.instance, str(name), nullptr, nullptr, &watch), GATEHOUSE_INVALID);
        return take_error_text();
    };
    const std::string expected = R"( is no name to watch (expected "host:port" or "srv:_service._tcp.domain"))";
    for (const char* name : {"*:80", "db:0", "unix:/run/x", "fd:web", "srv:local", "srv:192.0.2.1", ":80"})
        EXPECT_EQ(refused(name), "watch of " + std::string(name) + ": \"" + name + "\"" + expected);
    EXPECT_TRUE(refused("db").starts_with(R"(watch of db: "db" has no port (expected)"));
    EXPECT_TRUE(refused("srv:a b.c").starts_with(R"(watch of srv:a b.c: "a b.c" is not a host name or address)"));
    EXPECT_TRUE(refused("srv:" + std::string(300, 'a')).find("is not a host name or address") != std::string::npos);
    EXPECT_EQ(world.server.asked.load(), 0);
}

TEST(Discovery, ANumberNeedsNoServer) {
    World world(silence);
    Watched v4(world.instance, "192.0.2.1:80");
    Watched v6(world.instance, "[2001:db8::1]:80");
    EXPECT_EQ(v4.news(), "192.0.2.1:80");
    EXPECT_EQ(v6.news(), "[2001:db8::1]:80");
    EXPECT_EQ(world.server.asked.load(), 0);
}

TEST(Discovery, TheHostsFileNeedsNoServer) {
    World world(silence);
    Watched watched(world.instance, "localhost:80");
    const std::string news = watched.news();
    EXPECT_NE(news.find("127.0.0.1:80"), std::string::npos) << news;
    std::this_thread::sleep_for(2 * World::short_second); // it has no time to live of 0, or 1
    EXPECT_EQ(watched.count(), 1U);
    EXPECT_EQ(world.server.asked.load(), 0);
}

TEST(Discovery, FindsBothFamiliesSorted) {
    World world(addresses({"192.0.2.2", "2001:db8::1", "192.0.2.1", "192.0.2.1"}, 60));
    Watched watched(world.instance, "db.example:5432");
    EXPECT_EQ(watched.news(), "192.0.2.1:5432 192.0.2.2:5432 [2001:db8::1]:5432");
    Watched only_v6(world.instance, "db.example:1");
    world.server.answer_with(addresses({"2001:db8::1"}));
    EXPECT_NE(only_v6.news(), "");
}

TEST(Discovery, SaysEachChangeOnce) {
    World world(addresses({"192.0.2.1", "192.0.2.2"}));
    Watched watched(world.instance, "db.example:80");
    EXPECT_EQ(watched.news(0), "192.0.2.1:80 192.0.2.2:80");
    world.server.answer_with(addresses({"192.0.2.2", "192.0.2.1"})); // another order is no change
    const int asked = world.server.asked.load();
    while (world.server.asked.load() < asked + 4) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(watched.count(), 1U);
    world.server.answer_with(addresses({"192.0.2.3"}));
    EXPECT_EQ(watched.news(1), "192.0.2.3:80");
    world.server.answer_with(code(3));
    EXPECT_EQ(watched.news(2), "-6: cannot resolve db.example: there is no such name");
    world.server.answer_with(addresses({"192.0.2.3"})); // as before the failure, but it is back
    EXPECT_EQ(watched.news(3), "192.0.2.3:80");
    EXPECT_EQ(watched.count(), 4U);
}

TEST(Discovery, TimesToLiveAreClamped) {
    World world(addresses({"192.0.2.1"}, 0), 1s); // each second, not each millisecond
    Watched watched(world.instance, "db.example:80");
    EXPECT_EQ(watched.news(), "192.0.2.1:80");
    std::this_thread::sleep_for(1500ms);
    EXPECT_LE(world.server.asked.load(), 2 * 2); // A and AAAA each time
}

// --- failures -------------------------------------------------------------------------------------------------------------

TEST(Discovery, FailuresAreSaidOnceAndInWords) {
    struct Case {
        DnsServer::Answer answer;
        std::string news;
    };
    const std::vector<Case> cases{
        {code(3), "-6: cannot resolve db.example: there is no such name"},
        {addresses({}), "-6: cannot resolve db.example: the name has no such records"},
        {silence, "-2: cannot resolve db.example: no answer in time"},
        {code(2), "-10: cannot resolve db.example: no name server could answer"},
        {[](const DnsQuestion& question) { return dns_reply(question, "\xc0\xff", 1); },
         "-10: cannot resolve db.example: the answer is malformed"},
    };
    std::vector<std::unique_ptr<World>> worlds;
    std::vector<std::unique_ptr<Watched>> watches;
    for (const Case& each : cases) {
        worlds.push_back(std::make_unique<World>(each.answer));
        watches.push_back(std::make_unique<Watched>(worlds.back()->instance, "db.example:80"));
    }
    for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(watches[i]->news(), cases[i].news);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        while (worlds[i]->server.asked.load() < 2) std::this_thread::sleep_for(1ms); // they have been tried again
        EXPECT_EQ(watches[i]->count(), 1U) << cases[i].news;
        worlds[i]->server.answer_with(addresses({"192.0.2.1"}));
    }
    for (const auto& watched : watches) EXPECT_EQ(watched->news(1), "192.0.2.1:80");
}

TEST(Discovery, NobodyListensThere) {
    std::string address;
    {
        const DnsServer gone(silence);
        address = gone.address();
    }
    World world(silence);
    Discovery discovery(world.background, {address});
    gatehouse_instance instance{"test", world.log, world.drain, discovery, {}, {}};
    Watched watched(instance, "db.example:80");
    EXPECT_EQ(watched.news(), "-10: cannot resolve db.example: no name server could answer");
}

TEST(Discovery, WithoutDescriptorsItFailsAndRecovers) {
    World world(addresses({"192.0.2.1"}));
    Watched first(world.instance, "first.example:80"); // starts the thread
    EXPECT_EQ(first.news(), "192.0.2.1:80");
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    const rlimit none{3, old.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    Watched second(world.instance, "second.example:80");
    const std::string news = second.news();
    ::setrlimit(RLIMIT_NOFILE, &old);
    EXPECT_TRUE(news.starts_with("-10: cannot resolve second.example: ")) << news;
    EXPECT_EQ(second.news(1), "192.0.2.1:80");
}

// The IPv6 addresses that cannot be asked for at the moment stay; those that do not exist any more go.
TEST(Discovery, HalfAnAnswerKeepsTheOtherHalf) {
    World world(addresses({"192.0.2.1", "2001:db8::1"}));
    Watched watched(world.instance, "db.example:80");
    EXPECT_EQ(watched.news(0), "192.0.2.1:80 [2001:db8::1]:80");
    world.server.answer_with([](const DnsQuestion& question) {
        return question.type == dns_a ? addresses({"192.0.2.2"})(question) : code(2)(question);
    });
    EXPECT_EQ(watched.news(1), "192.0.2.2:80 [2001:db8::1]:80");
    world.server.answer_with(addresses({"192.0.2.2"}));
    EXPECT_EQ(watched.news(2), "192.0.2.2:80");
}

// --- long answers ----------------------------------------------------------------------------------------------------------

TEST(Discovery, ATruncatedAnswerIsAskedForByTcp) {
    World world([](const DnsQuestion& question) {
        if (!question.tcp) return dns_reply(question, "", 0, 0, true);
        std::string records;
        for (int i = 0; i < (question.type == dns_a ? 1000 : 0); ++i)
            records += dns_address(("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str());
        return dns_reply(question, records, question.type == dns_a ? 1000 : 0);
    });
    Watched watched(world.instance, "many.example:80");
    const std::string news = watched.news();
    EXPECT_EQ(std::count(news.begin(), news.end(), ' '), 999);
    EXPECT_GE(world.server.asked_by_tcp.load(), 2);
}

// --- SRV ------------------------------------------------------------------------------------------------------------------

TEST(Discovery, ServicesHaveTheirTargetsAddresses) {
    World world([](const DnsQuestion& question) -> std::optional<std::string> {
        if (question.type == dns_srv)
            return dns_reply(question,
                             dns_service(1, 10, 8080, "a.example") + dns_service(2, 20, 9090, "b.example") +
                                 dns_service(3, 30, 7070, "a.example") + dns_service(1, 1, 0, "a.example") +
                                 dns_service(0, 0, 1, ""),
                             5);
        return question.name == "a.example" ? addresses({"192.0.2.1", "2001:db8::1"})(question)
                                            : addresses({"192.0.2.2"})(question);
    });
    Watched watched(world.instance, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "192.0.2.1:7070/3/30 192.0.2.1:8080/1/10 192.0.2.2:9090/2/20 "
                              "[2001:db8::1]:7070/3/30 [2001:db8::1]:8080/1/10");
}

TEST(Discovery, ATargetThatCannotBeAskedForKeepsItsAddresses) {
    const auto server = [](DnsServer::Answer b) {
        return [b](const DnsQuestion& question) -> std::optional<std::string> {
            if (question.type == dns_srv)
                return dns_reply(question, dns_service(0, 0, 80, "a.example") + dns_service(0, 0, 81, "b.example"), 2);
            return question.name == "a.example" ? addresses({"192.0.2.1"})(question) : b(question);
        };
    };
    World world(server(addresses({"192.0.2.2"})));
    Watched watched(world.instance, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(0), "192.0.2.1:80 192.0.2.2:81");
    world.server.answer_with(server(code(2)));
    const int asked = world.server.asked.load();
    while (world.server.asked.load() < asked + 6) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(watched.count(), 1U);
    world.server.answer_with(server(code(3))); // but when there is no such name any more, it goes
    EXPECT_EQ(watched.news(1), "192.0.2.1:80");
}

TEST(Discovery, AServiceThatIsNotAvailable) {
    World world([](const DnsQuestion& question) { return dns_reply(question, dns_service(0, 0, 0, ""), 1); });
    Watched watched(world.instance, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "-6: cannot resolve _web._tcp.example: the service is not available");
}

TEST(Discovery, ATargetWithoutAddressesIsNamed) {
    World world([](const DnsQuestion& question) {
        return question.type == dns_srv ? std::optional(dns_reply(question, dns_service(0, 0, 80, "a.example"), 1))
                                        : code(3)(question);
    });
    Watched watched(world.instance, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "-6: cannot resolve _web._tcp.example: a.example: there is no such name");
}

TEST(Discovery, ServicesBeyondTheLimitAreLeftOut) {
    World world([](const DnsQuestion& question) -> std::optional<std::string> {
        if (question.type != dns_srv) return addresses({"192.0.2.1"}, 60)(question);
        if (!question.tcp) return dns_reply(question, "", 0, 0, true);
        std::string records;
        for (unsigned i = 1; i <= 300; ++i) records += dns_service(0, 0, i, "t" + std::to_string(i) + ".example", 60);
        return dns_reply(question, records, 300);
    });
    Watched watched(world.instance, "srv:_web._tcp.example");
    const std::string news = watched.news();
    EXPECT_EQ(std::count(news.begin(), news.end(), ' '), 127);
}

// --- rude servers ---------------------------------------------------------------------------------------------------------

// Whatever the server makes of an answer: a watch goes on, and finds what is there once it makes sense again.
TEST(Discovery, MutatedAnswersAreHarmless) {
    auto random = std::make_shared<std::mt19937>(7);
    World world([random](const DnsQuestion& question) -> std::optional<std::string> {
        std::string reply = question.type == dns_srv
                                ? dns_reply(question, dns_service(1, 2, 3, "a.example") + dns_service(4, 5, 6, "b.example"), 2)
                                : *addresses({"192.0.2.1", "192.0.2.2"})(question);
        const std::size_t keep = (*random)() % 2 == 0 ? 2 : question.section().size() + 12; // the id; or all that is compared
        for (auto n = reply.size() > keep ? (*random)() % 6 + 1 : 0; n > 0; --n)
            reply[keep + (*random)() % (reply.size() - keep)] = static_cast<char>((*random)());
        if ((*random)() % 4 == 0) reply.resize((*random)() % reply.size());
        return reply;
    });
    std::vector<std::unique_ptr<Watched>> watches;
    for (int i = 0; i < 150; ++i)
        watches.push_back(std::make_unique<Watched>(world.instance, i % 2 == 0 ? "srv:_web._tcp.example" : "db.example:80"));
    std::this_thread::sleep_for(20 * World::short_second); // a span of abuse
    world.server.answer_with(addresses({"192.0.2.9"}));
    Watched last(world.instance, "good.example:80");
    EXPECT_EQ(last.news(), "192.0.2.9:80");
}

TEST(Discovery, AReplyToAnotherQuestionIsNone) {
    World world([](const DnsQuestion& question) -> std::optional<std::string> {
        DnsQuestion other = question;
        other.bytes[0] = static_cast<char>(other.bytes[0] + 1);
        return addresses({"192.0.2.66"})(other);
    });
    Watched watched(world.instance, "db.example:80");
    EXPECT_EQ(watched.news(), "-2: cannot resolve db.example: no answer in time");
}

// --- ending ---------------------------------------------------------------------------------------------------------------

TEST(Discovery, AQuestionMayBeOnItsWayWhenAWatchEnds) {
    World world(silence);
    for (int i = 0; i < 50; ++i) {
        Watched watched(world.instance, i % 2 == 0 ? "db.example:80" : "srv:_web._tcp.example");
        if (i % 5 == 0) std::this_thread::sleep_for(1ms);
    }
    world.server.answer_with(addresses({"192.0.2.1"}));
    Watched watched(world.instance, "db.example:80");
    EXPECT_EQ(watched.news(), "192.0.2.1:80");
    world.server.answer_with(silence);
    std::this_thread::sleep_for(2 * World::short_second); // the next question is on its way when everything ends
}

TEST(Discovery, ManyWatchesTakeTurns) {
    World world(addresses({"192.0.2.1"}, 60));
    std::vector<std::unique_ptr<Watched>> watches;
    for (int i = 0; i < 1000; ++i)
        watches.push_back(std::make_unique<Watched>(world.instance, "db" + std::to_string(i) + ".example:80"));
    for (const auto& watched : watches) ASSERT_EQ(watched->news(), "192.0.2.1:80");
}

TEST(Discovery, ACallbackMayEndItsOwnWatch) {
    World world(addresses({"192.0.2.1"}));
    struct Self {
        std::mutex mutex;
        std::condition_variable changed;
        gatehouse_watch* watch = nullptr;
        int calls = 0;
    } self;
    {
        const std::lock_guard lock(self.mutex);
        const auto found = [](void* data, const gatehouse_endpoint*, std::size_t, gatehouse_status, gatehouse_str) noexcept {
            auto& me = *static_cast<Self*>(data);
            const std::lock_guard inner(me.mutex); // until the handle is there
            discovery_table.unwatch(me.watch);
            ++me.calls;
            me.changed.notify_all();
        };
        ASSERT_EQ(discovery_table.watch(&world.instance, str("db.example:80"), found, &self, &self.watch), GATEHOUSE_OK);
    }
    std::unique_lock lock(self.mutex);
    EXPECT_TRUE(self.changed.wait_until(lock, std::chrono::system_clock::now() + 30s, [&] { return self.calls == 1; }));
}

} // namespace
} // namespace gatehouse::host
