#include "dns/name_watch.hpp"

#include "dns_server.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <gtest/gtest.h>
#include <new>
#include <random>
#include <sys/resource.h>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

// What a watch has reported: "192.0.2.1:80/priority/weight ..." or "status: why".
class Watched {
  public:
    Watched(NameWatches& watches, const std::string& text) {
        std::string error;
        const std::optional<WatchedName> name = parse_watched_name(text, error);
        EXPECT_TRUE(name) << error;
        watch_ = std::make_shared<Watch>(watches, *name, *this);
        EXPECT_TRUE(watches.start(watch_));
    }
    ~Watched() { unwatch(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    void unwatch() { watch_->unwatch(); }
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
    struct Watch final : NameWatch {
        Watch(NameWatches& watches, WatchedName name, Watched& owner) : NameWatch(watches, std::move(name)), all(owner) {}
        void found(std::span<const FoundServer> endpoints) override {
            std::string text;
            for (const FoundServer& endpoint : endpoints) {
                text += (text.empty() ? "" : " ") + endpoint.address;
                if (endpoint.priority != 0 || endpoint.weight != 0)
                    text += "/" + std::to_string(endpoint.priority) + "/" + std::to_string(endpoint.weight);
            }
            all.add(text);
        }
        void lost(Lookup lookup, std::string_view why) override {
            const char* word = lookup == Lookup::not_found ? "not found" : lookup == Lookup::timeout ? "timeout" : "failed";
            all.add(word + (": " + std::string(why)));
        }
        void left_out(std::string_view what) override { all.add("left out: " + std::string(what)); }
        Watched& all;
    };

    void add(const std::string& text) {
        const std::lock_guard lock(mutex_);
        news_.push_back(text);
        more_.notify_all();
    }

    std::shared_ptr<Watch> watch_;
    std::mutex mutex_;
    std::condition_variable more_;
    std::vector<std::string> news_; // guarded by mutex_
};

// A name server, and the watches that ask it.
struct World {
    static constexpr std::chrono::nanoseconds short_second = 50ms;

    explicit World(DnsServer::Answer answer, std::chrono::nanoseconds second = short_second)
        : server(std::move(answer)), watches(background, {server.address()}, second.count()) {}

    DnsServer server;
    Background background{Scheduling::other};
    NameWatches watches;
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

TEST(NameWatch, RefusesWhatIsNoName) {
    World world(silence);
    const auto refused = [&](const std::string& name) {
        std::string error;
        EXPECT_FALSE(parse_watched_name(name, error)) << name;
        return error;
    };
    const std::string expected = R"( is no name to watch (expected "host:port" or "srv:_service._tcp.domain"))";
    for (const char* name : {"*:80", "db:0", "unix:/run/x", "fd:web", "srv:local", "srv:192.0.2.1", ":80"})
        EXPECT_EQ(refused(name), "\"" + std::string(name) + "\"" + expected);
    EXPECT_TRUE(refused("db").starts_with(R"("db" has no port (expected)"));
    EXPECT_TRUE(refused("srv:a b.c").starts_with(R"("a b.c" is not a host name or address)"));
    EXPECT_TRUE(refused("srv:" + std::string(300, 'a')).find("is not a host name or address") != std::string::npos);
    EXPECT_EQ(world.server.asked.load(), 0);
}

TEST(NameWatch, ANumberNeedsNoServer) {
    World world(silence);
    Watched v4(world.watches, "192.0.2.1:80");
    Watched v6(world.watches, "[2001:db8::1]:80");
    EXPECT_EQ(v4.news(), "192.0.2.1:80");
    EXPECT_EQ(v6.news(), "[2001:db8::1]:80");
    EXPECT_EQ(world.server.asked.load(), 0);
}

TEST(NameWatch, TheHostsFileNeedsNoServer) {
    World world(silence);
    Watched watched(world.watches, "localhost:80");
    Watched same(world.watches, "LocalHost.:80");
    for (Watched* one : {&watched, &same}) {
        const std::string news = one->news();
        EXPECT_NE(news.find("127.0.0.1:80"), std::string::npos) << news;
    }
    std::this_thread::sleep_for(2 * World::short_second); // it has no time to live of 0, or 1
    EXPECT_EQ(watched.count(), 1U);
    EXPECT_EQ(world.server.asked.load(), 0);
}

TEST(NameWatch, FindsBothFamiliesSorted) {
    World world(addresses({"192.0.2.2", "2001:db8::1", "192.0.2.1", "192.0.2.1"}, 60));
    Watched watched(world.watches, "db.example:5432");
    EXPECT_EQ(watched.news(), "192.0.2.1:5432 192.0.2.2:5432 [2001:db8::1]:5432");
    Watched only_v6(world.watches, "db.example:1");
    world.server.answer_with(addresses({"2001:db8::1"}));
    EXPECT_NE(only_v6.news(), "");
}

TEST(NameWatch, SaysEachChangeOnce) {
    World world(addresses({"192.0.2.1", "192.0.2.2"}));
    Watched watched(world.watches, "db.example:80");
    EXPECT_EQ(watched.news(0), "192.0.2.1:80 192.0.2.2:80");
    world.server.answer_with(addresses({"192.0.2.2", "192.0.2.1"})); // another order is no change
    const int asked = world.server.asked.load();
    while (world.server.asked.load() < asked + 4) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(watched.count(), 1U);
    world.server.answer_with(addresses({"192.0.2.3"}));
    EXPECT_EQ(watched.news(1), "192.0.2.3:80");
    world.server.answer_with(code(3));
    EXPECT_EQ(watched.news(2), "not found: cannot resolve db.example: there is no such name");
    world.server.answer_with(addresses({"192.0.2.3"})); // as before the failure, but it is back
    EXPECT_EQ(watched.news(3), "192.0.2.3:80");
    EXPECT_EQ(watched.count(), 4U);
}

TEST(NameWatch, TimesToLiveAreClamped) {
    World world(addresses({"192.0.2.1"}, 0), 1s); // each second, not each millisecond
    Watched watched(world.watches, "db.example:80");
    EXPECT_EQ(watched.news(), "192.0.2.1:80");
    std::this_thread::sleep_for(1500ms);
    EXPECT_LE(world.server.asked.load(), 2 * 2); // A and AAAA each time
}

TEST(NameWatch, AReportThatFoundNoMemoryIsMadeAgain) {
    struct Short final : NameWatch {
        using NameWatch::NameWatch;
        void found(std::span<const FoundServer> /*endpoints*/) override {
            if (reports.fetch_add(1) == 0) throw std::bad_alloc();
            reports.notify_all();
        }
        void lost(Lookup /*status*/, std::string_view /*why*/) override {}
        void left_out(std::string_view /*what*/) override {}
        std::atomic<int> reports{0};
    };
    World world(addresses({"192.0.2.1"}));
    std::string error;
    const auto watch = std::make_shared<Short>(world.watches, *parse_watched_name("db.example:80", error));
    ASSERT_TRUE(world.watches.start(watch));
    for (int reports = 0; reports < 2; reports = watch->reports.load()) watch->reports.wait(reports);
    watch->unwatch();
    EXPECT_EQ(watch->reports.load(), 2);
}

// --- failures -------------------------------------------------------------------------------------------------------------

TEST(NameWatch, FailuresAreSaidOnceAndInWords) {
    struct Case {
        DnsServer::Answer answer;
        std::string news;
    };
    const std::vector<Case> cases{
        {code(3), "not found: cannot resolve db.example: there is no such name"},
        {addresses({}), "not found: cannot resolve db.example: the name has no such records"},
        {silence, "timeout: cannot resolve db.example: no answer in time"},
        {code(2), "failed: cannot resolve db.example: no name server could answer"},
        {[](const DnsQuestion& question) { return dns_reply(question, "\xc0\xff", 1); },
         "failed: cannot resolve db.example: the answer is malformed"},
    };
    std::vector<std::unique_ptr<World>> worlds;
    std::vector<std::unique_ptr<Watched>> watches;
    for (const Case& each : cases) {
        worlds.push_back(std::make_unique<World>(each.answer));
        watches.push_back(std::make_unique<Watched>(worlds.back()->watches, "db.example:80"));
    }
    for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(watches[i]->news(), cases[i].news);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        while (worlds[i]->server.asked.load() < 2) std::this_thread::sleep_for(1ms); // they have been tried again
        EXPECT_EQ(watches[i]->count(), 1U) << cases[i].news;
        worlds[i]->server.answer_with(addresses({"192.0.2.1"}));
    }
    for (const auto& watched : watches) EXPECT_EQ(watched->news(1), "192.0.2.1:80");
}

TEST(NameWatch, NobodyListensThere) {
    std::string address;
    {
        const DnsServer gone(silence);
        address = gone.address();
    }
    World world(silence);
    NameWatches watches(world.background, {address});
    Watched watched(watches, "db.example:80");
    EXPECT_EQ(watched.news(), "failed: cannot resolve db.example: no name server could answer");
}

TEST(NameWatch, WithoutDescriptorsItFailsAndRecovers) {
    World world(addresses({"192.0.2.1"}));
    Watched first(world.watches, "first.example:80"); // starts the thread
    EXPECT_EQ(first.news(), "192.0.2.1:80");
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    const rlimit none{3, old.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    Watched second(world.watches, "second.example:80");
    const std::string news = second.news();
    ::setrlimit(RLIMIT_NOFILE, &old);
    EXPECT_TRUE(news.starts_with("failed: cannot resolve second.example: ")) << news;
    EXPECT_EQ(second.news(1), "192.0.2.1:80");
}

// The IPv6 addresses that cannot be asked for at the moment stay; those that do not exist any more go.
TEST(NameWatch, HalfAnAnswerKeepsTheOtherHalf) {
    World world(addresses({"192.0.2.1", "2001:db8::1"}));
    Watched watched(world.watches, "db.example:80");
    EXPECT_EQ(watched.news(0), "192.0.2.1:80 [2001:db8::1]:80");
    world.server.answer_with([](const DnsQuestion& question) {
        return question.type == dns_a ? addresses({"192.0.2.2"})(question) : code(2)(question);
    });
    EXPECT_EQ(watched.news(1), "192.0.2.2:80 [2001:db8::1]:80");
    world.server.answer_with(addresses({"192.0.2.2"}));
    EXPECT_EQ(watched.news(2), "192.0.2.2:80");
}

// --- long answers ----------------------------------------------------------------------------------------------------------

TEST(NameWatch, ATruncatedAnswerIsAskedForByTcp) {
    World world([](const DnsQuestion& question) {
        if (!question.tcp) return dns_reply(question, "", 0, 0, true);
        std::string records;
        for (int i = 0; i < (question.type == dns_a ? 1000 : 0); ++i)
            records += dns_address(("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str());
        return dns_reply(question, records, question.type == dns_a ? 1000 : 0);
    });
    Watched watched(world.watches, "many.example:80");
    const std::string news = watched.news();
    EXPECT_EQ(std::count(news.begin(), news.end(), ' '), 999);
    EXPECT_GE(world.server.asked_by_tcp.load(), 2);
}

// --- SRV ------------------------------------------------------------------------------------------------------------------

TEST(NameWatch, ServicesHaveTheirTargetsAddresses) {
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
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "192.0.2.1:7070/3/30 192.0.2.1:8080/1/10 192.0.2.2:9090/2/20 "
                              "[2001:db8::1]:7070/3/30 [2001:db8::1]:8080/1/10");
}

TEST(NameWatch, ATargetThatCannotBeAskedForKeepsItsAddresses) {
    const auto server = [](DnsServer::Answer b) {
        return [b](const DnsQuestion& question) -> std::optional<std::string> {
            if (question.type == dns_srv)
                return dns_reply(question, dns_service(0, 0, 80, "a.example") + dns_service(0, 0, 81, "b.example"), 2);
            return question.name == "a.example" ? addresses({"192.0.2.1"})(question) : b(question);
        };
    };
    World world(server(addresses({"192.0.2.2"})));
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(0), "192.0.2.1:80 192.0.2.2:81");
    world.server.answer_with(server(code(2)));
    const int asked = world.server.asked.load();
    while (world.server.asked.load() < asked + 6) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(watched.count(), 1U);
    world.server.answer_with(server(code(3))); // but when there is no such name any more, it goes
    EXPECT_EQ(watched.news(1), "192.0.2.1:80");
}

TEST(NameWatch, AServiceThatIsNotAvailable) {
    World world([](const DnsQuestion& question) { return dns_reply(question, dns_service(0, 0, 0, ""), 1); });
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "not found: cannot resolve _web._tcp.example: the service is not available");
}

TEST(NameWatch, ATargetWithoutAddressesIsNamed) {
    World world([](const DnsQuestion& question) {
        return question.type == dns_srv ? std::optional(dns_reply(question, dns_service(0, 0, 80, "a.example"), 1))
                                        : code(3)(question);
    });
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "not found: cannot resolve _web._tcp.example: a.example: there is no such name");
}

TEST(NameWatch, ServicesBeyondTheLimitAreLeftOut) {
    World world([](const DnsQuestion& question) -> std::optional<std::string> {
        if (question.type != dns_srv) return addresses({"192.0.2.1"}, 60)(question);
        if (!question.tcp) return dns_reply(question, "", 0, 0, true);
        std::string records;
        for (unsigned i = 1; i <= 300; ++i) records += dns_service(0, 0, i, "t" + std::to_string(i) + ".example", 60);
        return dns_reply(question, records, 300);
    });
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(),
              "left out: the answer has 300 records, and up to 1 addresses of a name: 128 servers are taken (at "
              "most 1024 servers of 128 names, by priority)");
    const std::string news = watched.news(1);
    EXPECT_EQ(std::count(news.begin(), news.end(), ' '), 127);
}

// As many records as fit into a message, in an order that changes with each answer.
std::string all_of(std::vector<std::string> records, const DnsQuestion& question, int turn) {
    if (!question.tcp) return dns_reply(question, "", 0, 0, true);
    std::rotate(records.begin(), records.begin() + turn % static_cast<int>(records.size()), records.end());
    std::string text;
    for (const std::string& record : records) text += record;
    return dns_reply(question, text, static_cast<unsigned>(records.size()));
}

std::vector<std::string> many_addresses(unsigned type, unsigned count) {
    std::vector<std::string> records;
    for (unsigned i = 0; i < count; ++i)
        records.push_back(dns_record(type, 1, (type == dns_a ? std::string("\x0a\0", 2) : std::string(14, '\x20')) + dns16(i)));
    return records;
}

// 1,000 records for one name with 6,300 addresses, and two more of a lower priority that must not be lost in them.
TEST(NameWatch, RecordsTimesAddressesAreBounded) {
    std::atomic<int> turn{0};
    World world([&](const DnsQuestion& question) -> std::optional<std::string> {
        if (question.name == "first.example") return addresses({"192.0.2.1"})(question);
        if (question.type != dns_srv)
            return all_of(many_addresses(question.type, question.type == dns_a ? 4000 : 2300), question, turn += 7);
        std::vector<std::string> records{dns_service(1, 0, 80, "first.example"), dns_service(1, 0, 81, "FIRST.example")};
        for (unsigned i = 1; i <= 1000; ++i) records.push_back(dns_service(2, 0, i, "many.example"));
        return all_of(std::move(records), question, turn += 7);
    });
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(),
              "left out: the answer has 1002 records, and up to 6300 addresses of a name: 1024 servers are taken "
              "(at most 1024 servers of 128 names, by priority)");
    const std::string news = watched.news(1);
    EXPECT_EQ(std::count(news.begin(), news.end(), ' '), 1023);
    for (const char* first : {"192.0.2.1:80/1/0", "192.0.2.1:81/1/0"}) EXPECT_NE(news.find(first), std::string::npos) << first;
    const int asked = world.server.asked.load();
    while (world.server.asked.load() < asked + 15) std::this_thread::sleep_for(1ms); // three more rounds
    EXPECT_EQ(watched.count(), 2U) << "what is left out does not depend on the order";
}

TEST(NameWatch, TheAddressesOfANameAreBounded) {
    std::atomic<unsigned> many{2300};
    World world([&](const DnsQuestion& question) -> std::optional<std::string> {
        return all_of(many_addresses(question.type, many), question, 0);
    });
    Watched watched(world.watches, "db.example:80");
    EXPECT_EQ(watched.news(), "left out: the answer has up to 4600 addresses of a name: 1024 servers are taken (at most 1024 "
                              "servers of 128 names, by priority)");
    const std::string news = watched.news(1);
    EXPECT_EQ(std::count(news.begin(), news.end(), ' '), 1023);
    many = 512; // as many as it takes
    EXPECT_EQ(std::ranges::count(watched.news(2), ' '), 1023);
    many = 2300;
    EXPECT_TRUE(watched.news(3).starts_with("left out: ")) << "it is said again";
}

TEST(NameWatch, ATargetIsTheSameNameInAnySpelling) {
    World world([](const DnsQuestion& question) -> std::optional<std::string> {
        if (question.type == dns_srv)
            return dns_reply(question, dns_service(0, 0, 80, "A.example") + dns_service(0, 0, 81, "a.EXAMPLE"), 2);
        return addresses({"192.0.2.1"})(question);
    });
    Watched watched(world.watches, "srv:_web._tcp.example");
    EXPECT_EQ(watched.news(), "192.0.2.1:80 192.0.2.1:81");
    EXPECT_EQ(world.server.asked.load(), 3) << "for the services, and for both families of one name";
}

// --- rude servers ---------------------------------------------------------------------------------------------------------

// Whatever the server makes of an answer: a watch goes on, and finds what is there once it makes sense again.
TEST(NameWatch, MutatedAnswersAreHarmless) {
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
        watches.push_back(std::make_unique<Watched>(world.watches, i % 2 == 0 ? "srv:_web._tcp.example" : "db.example:80"));
    std::this_thread::sleep_for(20 * World::short_second); // a span of abuse
    world.server.answer_with(addresses({"192.0.2.9"}));
    Watched last(world.watches, "good.example:80");
    EXPECT_EQ(last.news(), "192.0.2.9:80");
}

TEST(NameWatch, AReplyToAnotherQuestionIsNone) {
    World world([](const DnsQuestion& question) -> std::optional<std::string> {
        DnsQuestion other = question;
        other.bytes[0] = static_cast<char>(other.bytes[0] + 1);
        return addresses({"192.0.2.66"})(other);
    });
    Watched watched(world.watches, "db.example:80");
    EXPECT_EQ(watched.news(), "timeout: cannot resolve db.example: no answer in time");
}

// --- ending ---------------------------------------------------------------------------------------------------------------

TEST(NameWatch, AQuestionMayBeOnItsWayWhenAWatchEnds) {
    World world(silence);
    for (int i = 0; i < 50; ++i) {
        Watched watched(world.watches, i % 2 == 0 ? "db.example:80" : "srv:_web._tcp.example");
        if (i % 5 == 0) std::this_thread::sleep_for(1ms);
    }
    world.server.answer_with(addresses({"192.0.2.1"}));
    Watched watched(world.watches, "db.example:80");
    EXPECT_EQ(watched.news(), "192.0.2.1:80");
    world.server.answer_with(silence);
    std::this_thread::sleep_for(2 * World::short_second); // the next question is on its way when everything ends
}

TEST(NameWatch, ManyWatchesTakeTurns) {
    World world(addresses({"192.0.2.1"}, 60));
    std::vector<std::unique_ptr<Watched>> watches;
    for (int i = 0; i < 1000; ++i)
        watches.push_back(std::make_unique<Watched>(world.watches, "db" + std::to_string(i) + ".example:80"));
    for (const auto& watched : watches) ASSERT_EQ(watched->news(), "192.0.2.1:80");
}

} // namespace
} // namespace gatehouse::host
