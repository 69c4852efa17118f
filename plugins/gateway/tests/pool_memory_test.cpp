// What the pool does when memory runs out: the host ends the client for which that happened, and the others go on.
#include "pool_fixture.hpp"

#include <cstdlib>
#include <new>
#include <optional>

using namespace gateway;

namespace {

thread_local std::optional<int> allocations_left; // of this thread; none: without limit

} // namespace

void* operator new(std::size_t size) {
    if (allocations_left && (*allocations_left)-- <= 0) throw std::bad_alloc();
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace {

// Whether it has gone well with so much memory.
template <class Step>
bool with_allocations(int count, Step step) {
    allocations_left = count;
    try {
        step();
        allocations_left.reset();
        return true;
    } catch (const std::bad_alloc&) {
        allocations_left.reset();
        return false;
    }
}

class PoolMemory : public PoolFixture {
  protected:
    // Its hooks need no memory. One server, a, with one place.
    void start() {
        made.emplace(Pool::Rules{.health = {.rise = 1, .fall = 1}}, std::size_t{1},
                     Pool::Hooks{[](std::uint64_t) {}, [](std::uint64_t) {}, [](gatehouse_level, std::string_view) {}});
        ServerSpec a{"a", "192.0.2.1:80"};
        a.limit = a.per_source = 1;
        known = pool().set_servers(0, std::vector{a}, now).added;
        visits.clear();
        for (const char* address : {"198.51.100.1", "198.51.100.2", "198.51.100.3"}) pool().comes_from(client(), address);
        EXPECT_EQ(connect(visits[0]), "a");
        EXPECT_EQ(admit(visits[1]), "wait");
        EXPECT_EQ(admit(visits[2]), "wait");
    }
    // How many allocations the step makes. With fewer it fails; then `after` is called.
    template <class Step, class After>
    int allocations_of(Step step, After after) {
        for (int count = 0;; ++count) {
            SCOPED_TRACE(count);
            start();
            const bool good = with_allocations(count, step);
            after();
            EXPECT_EQ(pool().queue_report().waiting, 0U);
            EXPECT_EQ(report("a").connections, 0U);
            if (good || HasFailure()) return count;
        }
    }
};

TEST_F(PoolMemory, APlaceThatGetsFreeIsNotLost) {
    const int most = allocations_of([this] { pool().leave(visits[0], now); },
                                    [this] {
                                        EXPECT_EQ(visits[0].caller, nullptr);
                                        EXPECT_EQ(visits[0].place, Visit::Place::nowhere);
                                        for (Visit* visit : {&visits[1], &visits[2]}) {
                                            EXPECT_EQ(admit(*visit), "a");
                                            pool().leave(*visit, now);
                                        }
                                    });
    EXPECT_GT(most, 1);
}

TEST_F(PoolMemory, ARefusalThatFailsLeavesTheQueueInOrder) {
    const int most = allocations_of([this] { pool().checked(*known[0], false, "", now); },
                                    [this] {
                                        for (Visit* visit : {&visits[1], &visits[2], &visits[0]}) pool().leave(*visit, now);
                                    });
    EXPECT_GT(most, 5);
}

TEST_F(PoolMemory, AServerThatCannotBeAddedGetsNoClients) {
    const int most = allocations_of(
        [this] {
            const ServerSpec a{"a", "192.0.2.1:80", 1, 0, 1}, b{"b", "192.0.2.2:80"};
            pool().set_servers(0, std::vector{a, b}, now);
        },
        [this] {
            const bool added = pool().report(now).size() == 2;
            EXPECT_EQ(admit(visits[1]), added ? "b" : "wait");
            EXPECT_EQ(admit(visits[2]), added ? "b" : "wait");
            for (Visit& visit : visits) pool().leave(visit, now);
        });
    EXPECT_GT(most, 5);
}

} // namespace
