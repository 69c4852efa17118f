// Connections that are ended from any thread, by their ids and with a reset for both sides.
#include "config/load.hpp"
#include "dns/lookups.hpp"
#include "dns/name_watch.hpp"
#include "dns/resolver.hpp"
#include "eventually.hpp"
#include "generation.hpp"
#include "host_record.hpp"
#include "sockets.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <thread>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

constexpr int patience = 40'000; // milliseconds

// Whether something comes: 1: a byte, 0: the end, -1: a reset.
ssize_t next(const Descriptor& fd) {
    pollfd waiting{fd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, patience), 1) << "nothing has come";
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT);
}

// A gateway in this process, with an upstream of the test's.
class EndByOrder : public ::testing::Test {
  public:
    EndByOrder() {
        ::signal(SIGPIPE, SIG_IGN);
        generation_.take(endpoints_);
        generation_.start();
    }
    ~EndByOrder() override {
        generation_.stop_accepting(true);
        generation_.begin_drain(monotonic_now());
        generation_.tell_connections();
        EXPECT_TRUE(relays_.stop(never));
        EXPECT_TRUE(generation_.stop(monotonic_now() + 10'000'000'000));
        fs::remove(log_file_);
    }

  protected:
    struct Pair {
        Descriptor client;
        Descriptor server;
    };
    // Connected, and relayed: a byte has gone through.
    Pair relay() {
        Pair pair{connect_to_loopback(service().sockets()->front().port()), accept_from(upstream_)};
        EXPECT_EQ(::send(pair.client.get(), "x", 1, 0), 1);
        EXPECT_EQ(next(pair.server), 1);
        return pair;
    }

    Service& service() { return *generation_.services().front(); }

    // The ids of the first connections of the first listener: each slot in its first generation.
    gatehouse_status end(std::uint64_t id) { return service().end_by_order(gateway_, id, EndOrder::reset, never); }
    static std::uint64_t id_of(std::uint64_t slot) { return (std::uint64_t{1} << 32U) | slot; }

    std::string log() {
        log_.flush();
        std::ostringstream content;
        content << std::ifstream(log_file_).rdbuf();
        return content.str();
    }
    std::size_t logged(std::string_view text) {
        const std::string all = log();
        std::size_t count = 0;
        for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
        return count;
    }

    std::uint16_t upstream_port_ = 0;
    const Descriptor upstream_ = listen_on_loopback(upstream_port_);
    const fs::path log_file_ = fs::temp_directory_path() / ("gatehouse-cut-" + std::to_string(::getpid()) + ".log");
    const Config config_ = parse_config(
        "[host]\nplugin_path = [\"" GATEHOUSE_PLUGIN_DIR "\"]\n[log]\nfile = \"" + log_file_.string() +
            "\"\nformat = \"json\"\n[plugins.gateway]\nconfig = { upstream = \"127.0.0.1:" + std::to_string(upstream_port_) +
            "\" }\n[[listeners]]\nname = \"gateway\"\naddress = \"127.0.0.1:0\"\n"
            "plugin = \"gateway\"\nthreads.min = 2\n", // no main loop warms the pool up
        "/test.toml");
    Log log_{config_.log};
    Alarm alarm_;
    Standby standby_;
    TicketKeyRing ticket_keys_;
    PluginLibraries libraries_;
    Denials denials_{log_};
    HostRecord record_;
    LiveOrders live_orders_{log_};
    RelayEngine relays_{2, Scheduling::other, Generation::relay_ended};
    Resolver resolver_{{}};
    Background background_{Scheduling::other};
    Lookups lookups_{background_, resolver_, {}};
    NameWatches watches_{background_, {}};
    Endpoints endpoints_{log_, live_orders_};
    Generation generation_{config_, Standing{log_, alarm_, relays_, resolver_, lookups_, background_, watches_, standby_,
                                             ticket_keys_, libraries_, denials_, record_, live_orders_, 2, 0}};
    const PluginInstance& gateway_ = generation_.plugins().find("gateway");
};

TEST_F(EndByOrder, EndsOneRelayWithAReset) {
    const Pair first = relay();
    const Pair second = relay();
    EXPECT_EQ(end(id_of(0)), GATEHOUSE_OK);
    EXPECT_EQ(next(first.client), -1);
    EXPECT_EQ(errno, ECONNRESET);
    EXPECT_EQ(next(first.server), -1);
    EXPECT_EQ(errno, ECONNRESET);
    EXPECT_TRUE(eventually([&] { return logged("\"reason\":\"ended\"") == 1; }));
    EXPECT_EQ(::send(second.client.get(), "y", 1, 0), 1);
    EXPECT_EQ(next(second.server), 1);
}

TEST_F(EndByOrder, KnowsWhoHasGone) {
    EXPECT_EQ(end(id_of(0)), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(end(0), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(end(~std::uint64_t{0}), GATEHOUSE_NOT_FOUND);
    {
        const Pair pair = relay();
    }
    EXPECT_TRUE(eventually([&] { return service().open() == 0; }));
    EXPECT_EQ(end(id_of(0)), GATEHOUSE_NOT_FOUND);
    const Pair next_of_slot = relay(); // the same slot, another generation
    EXPECT_EQ(end(id_of(0)), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(end((std::uint64_t{2} << 32U)), GATEHOUSE_OK);
    EXPECT_EQ(next(next_of_slot.client), -1);
}

TEST_F(EndByOrder, EndsManyAtOnceFromManyThreads) {
    std::vector<Pair> pairs;
    for (int i = 0; i < 300; ++i) pairs.push_back(relay());
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t slot = t; slot < 300; slot += 2) end(id_of(slot)); // each by two of them
        });
    for (std::thread& thread : threads) thread.join();
    for (const Pair& pair : pairs) {
        EXPECT_EQ(next(pair.client), -1);
        EXPECT_EQ(next(pair.server), -1);
    }
    EXPECT_TRUE(eventually([&] { return service().open() == 0; }));
    EXPECT_EQ(logged("\"reason\":\"ended\""), 300U);
    EXPECT_EQ(relays_.active(), 0U);
}

// While connections come and are cut as they do: each of them ends, whatever its state was.
TEST_F(EndByOrder, MayComeAtAnyTime) {
    std::atomic<bool> go_on{true};
    std::thread cutter([&] {
        while (go_on.load())
            for (std::uint64_t generation = 1; generation < 64; ++generation)
                for (std::uint64_t slot = 0; slot < 4; ++slot) end((generation << 32U) | slot);
    });
    for (int i = 0; i < 50; ++i) {
        const Descriptor client = connect_to_loopback(service().sockets()->front().port());
        EXPECT_LE(next(client), 0);
    }
    go_on.store(false);
    cutter.join();
    EXPECT_TRUE(eventually([&] { return service().open() == 0; }));
    EXPECT_EQ(logged("\"reason\":\"ended\""), 50U) << log();
}

} // namespace
} // namespace gatehouse::host
