// One host with everything in it, many clients that check every byte, and disturbances all the while. In cycles: some seconds
// of chaos, then calm, in which each kind of client has to be served well, and the host has to be back where it began. After
// some cycles the host is drained while the clients go on, and a new one is started.
//
// From the environment: GATEHOUSE_CHAOS_SECONDS, how long it goes on; GATEHOUSE_CHAOS_SEED, which makes the same choices again;
// GATEHOUSE_BUILD, whose host it is.
#include "disturbances.hpp"
#include "families.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"
#include "stream.hpp"
#include "tally.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace gatehouse::chaos {
namespace {

using namespace std::chrono_literals;
using support::Clock;

constexpr std::size_t client_threads = 24;
constexpr std::size_t cycles_of_a_host = 4;
constexpr auto chaos_of_a_cycle = 8s;

// Each thread keeps a few pipes and arenas; what is beyond that has leaked.
constexpr unsigned descriptors_more = 16;
constexpr std::uint64_t memory_more_kib = 48 << 10;

std::size_t number_from(const char* variable, std::size_t otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr && *text != '\0' ? std::stoull(text) : otherwise;
}

// Runs one session, and says whether it was whole. While things are disturbed it may be cut; else that is a failure too.
bool run(const Family& family, const Scene& scene, Random& random, Tally& tally, bool disturbed) {
    try {
        family.session(scene, random);
        tally.add(family.name, Tally::Outcome::whole);
        return true;
    } catch (const support::TooLate& error) {
        tally.add(family.name, Tally::Outcome::failed, error.what());
    } catch (const std::runtime_error& error) {
        tally.add(family.name, disturbed ? Tally::Outcome::cut : Tally::Outcome::failed, error.what());
    } catch (const std::exception& error) {
        tally.add(family.name, Tally::Outcome::failed, error.what());
    }
    return false;
}

// Clients, as long as it lives.
class Crowd {
  public:
    Crowd(const Scene& scene, Random& random, Tally& tally) {
        for (std::size_t i = 0; i < client_threads; ++i)
            threads_.emplace_back([this, &scene, &tally, mine = Random(random.between(0, SIZE_MAX))]() mutable {
                while (!over_)
                    if (!run(families()[mine.between(0, families().size() - 1)], scene, mine, tally, true))
                        std::this_thread::sleep_for(mine.milliseconds(1, 50)); // as clients do who try again
            });
    }
    ~Crowd() {
        over_ = true;
        for (std::thread& thread : threads_) thread.join();
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

  private:
    std::atomic<bool> over_{false};
    std::vector<std::thread> threads_;
};

struct Footprint {
    unsigned descriptors, threads;
    std::uint64_t memory_kib;
};

class Chaos : public testing::Test {
  protected:
    Chaos()
        : seed_(number_from("GATEHOUSE_CHAOS_SEED", std::random_device()())),
          length_(number_from("GATEHOUSE_CHAOS_SECONDS", 75)), random_(seed_) {
        say("seed " + std::to_string(seed_) + ", " + std::to_string(length_.count()) +
            " s; the same again: scripts/chaos --seed " + std::to_string(seed_));
    }

    void say(const std::string& text) const {
        const auto passed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin_).count();
        std::fprintf(stderr, "chaos: [%lld:%02lld] %s\n", static_cast<long long>(passed / 60),
                     static_cast<long long>(passed % 60), text.c_str());
    }

    bool over() const { return Clock::now() - begin_ >= length_; }

    void disturb(std::span<const Disturbance> table, Random& random, std::vector<std::atomic_flag>& busy,
                 Clock::time_point until) {
        while (Clock::now() < until) {
            const std::size_t i = random.between(0, table.size() - 1);
            if ((!table[i].with_sanitizer && !sanitizer_.empty()) || busy[i].test_and_set()) continue;
            try {
                table[i].run(scene_, random);
                disturbed_.add(table[i].name, Tally::Outcome::whole);
            } catch (const std::exception& error) {
                disturbed_.add(table[i].name, Tally::Outcome::failed, error.what());
                until = {};
            }
            busy[i].clear();
        }
    }

    void chaos() {
        const Crowd crowd(scene_, random_, sessions_);
        const auto until = Clock::now() + std::min<Clock::duration>(chaos_of_a_cycle, begin_ + length_ - Clock::now());
        std::vector<std::atomic_flag> busy(disturbances_of_the_host().size());
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&, mine = Random(random_.between(0, SIZE_MAX))]() mutable {
                disturb(disturbances_of_the_host(), mine, busy, until);
            });
        std::vector<std::atomic_flag> busy_around(disturbances_around_it().size());
        disturb(disturbances_around_it(), random_, busy_around, until);
        for (std::thread& thread : threads) thread.join();
    }

    // Nothing disturbs, so everybody is served well, once the host has seen that its servers are back.
    void calm() {
        if (!scene_.host().alive()) throw std::runtime_error("the host has ended; it said:\n" + scene_.host().said());
        for (const char* listener : {"pool", "named", "to_tls", "to_proxied"})
            support::eventually(std::string(listener) + " is served again", [&] {
                try {
                    for (int i = 0; i < 6; ++i) echo_all(scene_.connect(listener), "x");
                    return true;
                } catch (const std::runtime_error&) {
                    return false;
                }
            });
        for (const Family& family : families()) run(family, scene_, random_, calm_, false);
    }

    Footprint footprint() {
        const pid_t pid = scene_.host().pid();
        return {support::descriptors(pid), support::threads(pid), support::resident_kib(pid)};
    }

    // Everything has come to its end; returns what the host then has.
    Footprint settled() {
        Host& host = scene_.host();
        Host::Statuses last;
        try {
            support::eventually("no connection open", [&] {
                last = host.status();
                return std::all_of(last.begin(), last.end(),
                                   [](const auto& entry) { return entry.first.empty() || entry.second["open"] == "0"; });
            });
        } catch (const std::runtime_error& error) {
            std::string open;
            for (const auto& [name, status] : last)
                if (!name.empty() && status["open"] != "0") open += status.line + '\n';
            throw std::runtime_error(error.what() + ("\n" + open));
        }
        EXPECT_EQ(host.complaints(last), "");
        support::eventually("the threads to leave", [&] { return threads_of_pools(host.status()) == 0; });
        support::eventually("a host that does nothing", [&] { return support::is_quiet(host.pid()); });
        return footprint();
    }

    static unsigned threads_of_pools(const Host::Statuses& statuses) {
        double sum = 0;
        for (const auto& [name, status] : statuses) sum += status.number("threads");
        return static_cast<unsigned>(sum);
    }

    void expect_back(const Footprint& before) {
        Footprint now = settled();
        // A check of a server, or a name that is asked for, has a descriptor for a moment.
        for (const support::Deadline deadline(5s);
             now.descriptors > before.descriptors + descriptors_more && !deadline.passed();)
            now = footprint();
        EXPECT_LE(now.descriptors, before.descriptors + descriptors_more) << "descriptors have leaked";
        EXPECT_LE(now.threads, before.threads + 2) << "threads have been left behind";
        if (sanitizer_.empty()) { // which keeps what is freed
            EXPECT_LE(now.memory_kib, before.memory_kib + memory_more_kib) << "memory has leaked";
        }
        most_.descriptors = std::max(most_.descriptors, now.descriptors);
        most_.threads = std::max(most_.threads, now.threads);
        most_.memory_kib = std::max(most_.memory_kib, now.memory_kib);
    }

    // The host is told to stop while clients come and go.
    void drain() {
        Host& host = scene_.host();
        const Crowd crowd(scene_, random_, sessions_);
        std::this_thread::sleep_for(random_.milliseconds(100, 1500)); // the crowd gathers
        const auto begin = Clock::now();
        ::kill(host.pid(), SIGTERM);
        const auto allowed = drain_timeout + (sanitizer_.empty() ? 2s : 10s);
        host.wait_stopped();
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
        EXPECT_EQ(host.wait_exit(support::patience), 0);
        EXPECT_LE(took, allowed) << "the drain was not in time";
        longest_drain_ = std::max(longest_drain_, took);
        EXPECT_EQ(host.complaints(host.last_statuses()), "");
    }

    void report() const {
        std::printf("\nsessions while disturbed\n%s\nsessions in the calm\n%s\ndisturbances\n%s\n", sessions_.table().c_str(),
                    calm_.table().c_str(), disturbed_.table().c_str());
        std::printf("seed %zu: %zu cycles, %zu hosts, %zu sessions, %zu disturbances; after a cycle at most %u descriptors, %u "
                    "threads, "
                    "%.1f MiB; the longest drain %.1f s\n",
                    seed_, cycles_, hosts_, sessions_.sessions() + calm_.sessions(), disturbed_.sessions(), most_.descriptors,
                    most_.threads, static_cast<double>(most_.memory_kib) / 1024,
                    static_cast<double>(longest_drain_.count()) / 1000);
    }

    bool failed() const { return HasFailure() || !(sessions_.failures() + calm_.failures() + disturbed_.failures()).empty(); }

    const std::size_t seed_;
    const std::chrono::seconds length_;
    const std::string sanitizer_ = support::sanitizer();
    Random random_;
    Scene scene_;
    const Clock::time_point begin_ = Clock::now(); // when all of it has been started
    Tally sessions_, calm_, disturbed_;
    std::size_t cycles_ = 0, hosts_ = 1;
    Footprint most_{};
    std::chrono::milliseconds longest_drain_{};
};

TEST_F(Chaos, LeavesNoTrace) {
    try {
        do {
            if (!scene_.host().alive()) scene_.start_host(), ++hosts_;
            calm(); // what stays for the next time is there now: pipes, buffers, sessions
            const Footprint before = settled();
            for (std::size_t i = 0; i < cycles_of_a_host && !over() && !failed(); ++i, ++cycles_) {
                chaos();
                calm();
                expect_back(before);
                say("cycle " + std::to_string(cycles_ + 1) + ": " + std::to_string(sessions_.sessions()) + " sessions, " +
                    std::to_string(disturbed_.sessions()) + " disturbances");
            }
            if (!failed()) drain();
        } while (!over() && !failed());
    } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
    }
    report();
    EXPECT_EQ(sessions_.failures() + calm_.failures() + disturbed_.failures(), "");
    if (HasFailure()) {
        ADD_FAILURE() << "seed " << seed_ << ", cycle " << cycles_ + 1 << "; the host's log ends with\n"
                      << scene_.host().tail();
        if (!scene_.host().alive()) std::printf("the host has ended with status %d\n", scene_.host().wait_exit(1s));
    }
}

} // namespace
} // namespace gatehouse::chaos
