#include "pool.hpp"

#include "pool_fixture.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>

using namespace gateway;

namespace {

class PoolClients : public PoolFixture {
  protected:
    void start(const std::vector<std::uint32_t>& limits, Pool::Rules rules = {}) {
        make(rules);
        known = servers(limits).added;
    }
};

TEST_F(PoolClients, GetPlacesInTurn) {
    start({0, 0});
    EXPECT_EQ(connect(client()), "a");
    EXPECT_EQ(connect(client()), "b");
    EXPECT_EQ(connect(client()), "a");
    EXPECT_EQ(report("a").connections, 2U);
    EXPECT_EQ(report("a").total, 2U);
    for (Visit& visit : visits) pool().leave(visit, now);
    EXPECT_EQ(report("a").connections, 0U);
    EXPECT_EQ(report("b").connections, 0U);
    EXPECT_EQ(log, Lines{});
    EXPECT_EQ(woken, Ids{});
}

TEST_F(PoolClients, WaitInOrderWhenAllServersAreFull) {
    start({1, 1});
    Visit &one = client(), &two = client(), &three = client(), &four = client();
    EXPECT_EQ(connect(one), "a");
    EXPECT_EQ(connect(two), "b");
    EXPECT_EQ(admit(three), "wait");
    EXPECT_EQ(admit(four), "wait");
    EXPECT_EQ(pool().queue_report().waiting, 2U);
    pool().leave(two, now);
    EXPECT_EQ(take_woken(), Ids{3});
    EXPECT_EQ(report("b").connections, 1U) << "the place is given already";
    EXPECT_EQ(admit(client()), "wait") << "and a client that comes now does not get it";
    EXPECT_EQ(connect(three), "b");
    EXPECT_EQ(admit(four), "wait") << "asking does not help";
    pool().leave(one, now);
    EXPECT_EQ(take_woken(), Ids{4});
    EXPECT_EQ(connect(four), "a");
}

TEST_F(PoolClients, AreTurnedAwayWhenTheQueueIsFull) {
    start({1}, {.queue = {.size = 2}});
    EXPECT_EQ(connect(client()), "a");
    EXPECT_EQ(admit(client()), "wait");
    EXPECT_EQ(admit(client()), "wait");
    EXPECT_EQ(admit(client()), "all servers are full, and the queue is full (2 clients)");
    const Pool::QueueReport queue = pool().queue_report();
    EXPECT_EQ(queue.waiting, 2U);
    EXPECT_EQ(queue.waited, 2U);
    EXPECT_EQ(queue.refused, 1U);
}

TEST_F(PoolClients, DoNotWaitWithoutAQueue) {
    start({1}, {.queue = {.size = 0}});
    EXPECT_EQ(connect(client()), "a");
    EXPECT_EQ(admit(client()), "all servers are full");
}

TEST_F(PoolClients, GiveUpInTime) {
    start({1}, {.queue = {.timeout = 3s}});
    EXPECT_EQ(connect(client()), "a");
    Visit &two = client(), &three = client();
    EXPECT_EQ(pool().admit(two, now).until, now + 3s);
    EXPECT_EQ(admit(three), "wait");
    now += 3s;
    EXPECT_EQ(give_up(two), "all servers were full for 3s");
    EXPECT_EQ(pool().queue_report().timed_out, 1U);
    pool().leave(visits[0], now);
    EXPECT_EQ(take_woken(), Ids{3}) << "not the one that has gone";
    pool().leave(two, now);
    EXPECT_EQ(connect(three), "a");
    EXPECT_EQ(report("a").connections, 1U);
}

TEST_F(PoolClients, WhoBecomesTheFirstWaitsForServersThatComeBackByTime) {
    start({1, 1}, {.health = {.failures = 1, .backoff = 1s}});
    EXPECT_EQ(connect(client()), "a");
    Visit& two = client();
    EXPECT_EQ(admit(two), "b");
    pool().connect_failed(two, "connection refused", true, now); // b is ejected
    Visit &three = client(), &four = client();
    EXPECT_EQ(admit(three), "wait");
    EXPECT_EQ(admit(four), "wait");
    take_woken();
    pool().leave(visits[0], now);
    EXPECT_EQ(take_woken(), (Ids{3, 4})) << "3 has a's place, and 4 has to hear until when it waits now";
    const Pool::Verdict verdict = pool().admit(four, now);
    ASSERT_EQ(verdict.kind, Pool::Verdict::wait);
    EXPECT_LE(verdict.until, now + 2s) << "b comes back by then";
}

TEST_F(PoolClients, AServerThatHasComeBackByTimeIsNotMissedAtTheEnd) {
    start({1, 1}, {.queue = {.timeout = 1h}, .health = {.failures = 1, .backoff = 1s}});
    EXPECT_EQ(connect(client()), "a");
    Visit& two = client();
    EXPECT_EQ(admit(two), "b");
    pool().connect_failed(two, "connection refused", true, now);
    Visit& three = client();
    EXPECT_EQ(admit(three), "wait");
    now += 1h;
    EXPECT_EQ(give_up(three), "b");
}

TEST_F(PoolClients, APlaceThatCameInTimeCounts) {
    start({1});
    Visit &one = client(), &two = client();
    connect(one);
    EXPECT_EQ(admit(two), "wait");
    pool().leave(one, now);
    EXPECT_EQ(give_up(two), "a") << "its deadline passed before it heard of the place";
    pool().connected(two, now);
    pool().leave(two, now);
    EXPECT_EQ(report("a").connections, 0U);
}

TEST_F(PoolClients, ThatGoAwayLeaveTheQueueAndTheirPlaces) {
    start({1});
    Visit &one = client(), &two = client(), &three = client(), &four = client();
    connect(one);
    for (Visit* visit : {&two, &three, &four}) EXPECT_EQ(admit(*visit), "wait");
    pool().leave(three, now);
    pool().leave(one, now);
    EXPECT_EQ(take_woken(), Ids{2});
    pool().leave(two, now); // it has a place and does not know it yet
    EXPECT_EQ(take_woken(), Ids{4});
    pool().leave(four, now);
    EXPECT_EQ(report("a").connections, 0U);
    EXPECT_EQ(pool().queue_report().waiting, 0U);
    pool().leave(four, now); // harmless
}

TEST_F(PoolClients, AFailedConnectGoesToAnotherServer) {
    start({0, 0, 0});
    Visit& one = client();
    EXPECT_EQ(admit(one), "a");
    EXPECT_EQ(fail(one), "b");
    EXPECT_EQ(fail(one, "timed out"), "c");
    EXPECT_EQ(fail(one), "3 servers tried: server a (192.0.2.1:80): connection refused; "
                         "server b (192.0.2.2:80): timed out; server c (192.0.2.3:80): connection refused");
    for (const char* name : {"a", "b", "c"}) EXPECT_EQ(report(name).connections, 0U);
    EXPECT_EQ(report("b").failures, 1U);
    EXPECT_EQ(report("b").last_error, "timed out");
}

TEST_F(PoolClients, RetryAsOftenAsTheyMay) {
    start({0, 0, 0}, {.retries = 1});
    Visit& one = client();
    EXPECT_EQ(admit(one), "a");
    EXPECT_EQ(fail(one), "b");
    EXPECT_EQ(fail(one).substr(0, 16), "2 servers tried:");
}

TEST_F(PoolClients, AFailedConnectFreesItsPlace) {
    start({1, 0});
    Visit &one = client(), &two = client();
    EXPECT_EQ(admit(one), "a");
    EXPECT_EQ(fail(one), "b");
    EXPECT_EQ(report("a").connections, 0U);
    EXPECT_EQ(admit(two), "b");
    EXPECT_EQ(admit(client()), "a");
}

TEST_F(PoolClients, ARetryWaitsForThePlaceOfAnother) {
    start({1, 1});
    Visit &one = client(), &two = client(), &three = client(), &four = client();
    EXPECT_EQ(connect(one), "a");
    EXPECT_EQ(admit(two), "b");
    EXPECT_EQ(admit(three), "wait");
    EXPECT_EQ(fail(two), "wait") << "it was told why by b, and a is full";
    EXPECT_EQ(take_woken(), Ids{3});
    EXPECT_EQ(connect(three), "b");
    EXPECT_EQ(admit(four), "wait");
    pool().leave(three, now); // b has a place, which is not for the second, who is first in line
    EXPECT_EQ(take_woken(), Ids{4});
    EXPECT_EQ(connect(four), "b");
    pool().leave(one, now);
    EXPECT_EQ(take_woken(), Ids{2});
    EXPECT_EQ(connect(two), "a");
}

TEST_F(PoolClients, BackupsTakeOver) {
    make({.health = {.rise = 1, .fall = 1}});
    known =
        pool()
            .set_servers(
                0, std::vector<ServerSpec>{{"a", "192.0.2.1:80", 1, 0, 1}, {"b", "192.0.2.2:80", 1, 1, Slot::unlimited}}, now)
            .added;
    EXPECT_EQ(connect(client()), "a");
    EXPECT_EQ(admit(client()), "wait") << "full is not down";
    check("a", "-");
    EXPECT_EQ(take_woken(), Ids{2});
    EXPECT_EQ(connect(visits[1]), "b");
    check("a", "+");
    EXPECT_EQ(admit(client()), "wait");
    Visit& retry = client();
    pool().leave(visits[0], now);
    EXPECT_EQ(connect(visits[2]), "a");
    pool().leave(visits[2], now);
    EXPECT_EQ(admit(retry), "a");
    EXPECT_EQ(fail(retry), "b") << "after a failure, too";
}

TEST_F(PoolClients, WaitForAnEjectedServersReturn) {
    start({1, 1}, {.queue = {.timeout = 60s}, .health = {.failures = 1, .backoff = 2s}});
    Visit &one = client(), &two = client(), &three = client(), &four = client();
    EXPECT_EQ(connect(one), "a");
    EXPECT_EQ(admit(two), "b");
    EXPECT_EQ(pool().admit(three, now).until, now + 60s);
    EXPECT_EQ(admit(four), "wait");
    EXPECT_EQ(fail(two), "wait");
    EXPECT_EQ(take_woken(), Ids{3}) << "the first client learns until when to wait";
    EXPECT_EQ(pool().admit(three, now).until, now + 2s);
    EXPECT_EQ(pool().admit(four, now).until, now + 60s);
    pool().leave(three, now);
    EXPECT_EQ(take_woken(), Ids{4}) << "and so does the next first client";
    EXPECT_EQ(pool().admit(four, now).until, now + 2s);
    now += 2s;
    EXPECT_EQ(connect(four), "b");
    EXPECT_EQ(report("b").state, "up");
}

TEST_F(PoolClients, OnlyOneIsOnTrial) {
    start({0, 0}, {.health = {.failures = 1, .backoff = 1s}});
    Visit& one = client();
    EXPECT_EQ(admit(one), "a");
    EXPECT_EQ(fail(one), "b");
    now += 1s;
    Visit& trial = client();
    while (admit(trial) != "a") pool().leave(trial, now);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(admit(client()), "b");
    pool().leave(trial, now); // without having connected
    Visit& next = client();
    while (admit(next) != "a") pool().leave(next, now);
    pool().connected(next, now);
    EXPECT_EQ(report("a").state, "up");
}

// Many threads come, wait, connect, fail and go. The pool must not lose a client or a place.
TEST_F(PoolClients, NoPlaceIsLostBetweenThreads) {
    std::mutex mutex;
    std::condition_variable news;
    std::set<std::uint64_t> to_wake;
    made.emplace(Pool::Rules{.queue = {.size = 1000, .timeout = 60s}, .health = {.failures = 0}, .retries = 1}, 1,
                 Pool::Hooks{[&](std::uint64_t id) {
                                 const std::lock_guard lock(mutex);
                                 to_wake.insert(id);
                                 news.notify_all();
                             },
                             [](std::uint64_t) {}, [](gatehouse_level, std::string_view) {}});
    known = servers({1, 2}).added;
    std::atomic<int> served = 0, most = 0, open = 0;
    const auto run = [&](unsigned number) {
        std::mt19937 random(number);
        for (int i = 0; i < 500; ++i) {
            Visit visit;
            visit.connection = number * 10'000U + static_cast<unsigned>(i) + 1;
            Pool::Verdict verdict = pool().admit(visit, Clock::now());
            while (verdict.kind != Pool::Verdict::refuse) {
                if (verdict.kind == Pool::Verdict::wait) {
                    if (random() % 16 == 0) {
                        if (pool().give_up(visit, Clock::now()).kind == Pool::Verdict::refuse) break;
                    }
                    std::unique_lock lock(mutex);
                    const auto heard = [&] { return to_wake.erase(visit.connection) > 0; };
                    ASSERT_TRUE(news.wait_for(lock, 30s, heard)) << "the pool does not wake it";
                    lock.unlock();
                    verdict = pool().admit(visit, Clock::now());
                    continue;
                }
                const int now_open = ++open;
                for (int seen = most; seen < now_open && !most.compare_exchange_weak(seen, now_open);) {
                }
                std::this_thread::yield();
                --open;
                if (random() % 4 == 0) {
                    pool().connect_failed(visit, "refused", true, Clock::now());
                    verdict = pool().admit(visit, Clock::now());
                    continue;
                }
                pool().connected(visit, Clock::now());
                ++served;
                break;
            }
            pool().leave(visit, Clock::now());
        }
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i <= 8; ++i) threads.emplace_back(run, i);
    for (std::thread& thread : threads) thread.join();
    EXPECT_GT(served, 8 * 500 / 2);
    EXPECT_LE(most, 3);
    EXPECT_EQ(report("a").connections, 0U);
    EXPECT_EQ(report("b").connections, 0U);
    EXPECT_EQ(pool().queue_report().waiting, 0U);
}

} // namespace
