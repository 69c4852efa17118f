// Each listener has its threads for itself: thousands of slow clients of one do not make another one slower.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <iostream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t slow_clients = 2000;
constexpr double most_slower = 1.5;
constexpr int rounds = 5; // of a quiet and a busy measurement each

// Clients that send a byte a second each, for as long as the object lives.
class SlowClients {
  public:
    explicit SlowClients(std::uint16_t port) {
        for (std::size_t i = 0; i < slow_clients; ++i) clients_.emplace_back(port).send("x");
        thread_ = std::thread([this] {
            constexpr auto pause = std::chrono::nanoseconds(1s) / slow_clients * 20;
            auto next = Clock::now();
            for (std::size_t i = 0; !stop_.load(); i = (i + 20) % slow_clients) {
                for (std::size_t j = i; j < i + 20; ++j) ::send(clients_[j].fd(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
                std::this_thread::sleep_until(next += pause);
            }
        });
    }
    ~SlowClients() {
        stop_.store(true);
        thread_.join();
    }
    SlowClients(const SlowClients&) = delete;
    SlowClients& operator=(const SlowClients&) = delete;

  private:
    std::vector<Client> clients_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

// Of an echo's answers, one at a time: how long 99% of them take at most.
std::chrono::nanoseconds p99(std::uint16_t port) {
    Client client(port);
    ::fcntl(client.fd(), F_SETFL, 0); // so that recv() waits, without a poll()
    std::vector<std::chrono::nanoseconds> times;
    const auto end = Clock::now() + 500ms;
    for (auto now = Clock::now(); now < end;) {
        char byte = 'x';
        EXPECT_EQ(::send(client.fd(), &byte, 1, MSG_NOSIGNAL), 1);
        EXPECT_EQ(::recv(client.fd(), &byte, 1, 0), 1);
        const auto after = Clock::now();
        times.push_back(after - now);
        now = after;
    }
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
    std::nth_element(times.begin(), at, times.end());
    return *at;
}

// blocking_echo holds a thread for each client, until it has no more threads and the others wait in the accept queue; http
// parks with half a request.
class SlowBulkhead : public ::testing::TestWithParam<const char*> {};

TEST_P(SlowBulkhead, TwoThousandSlowClientsDoNotDisturbAnotherListener) {
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < slow_clients + 200) GTEST_SKIP() << "the limit on open files is only " << files.rlim_max;
    files.rlim_cur = files.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);

    const TempDir root;
    const std::string http = "[plugins.http]\nconfig = { root = \"" + root.path().string() + "\", header_timeout = \"10m\" }\n";
    Gatehouse host("[log]\naccess = false\n" + (GetParam() == std::string_view("http") ? http : "") +
                       listener("slow", GetParam(), "backlog = 4096") + listener("fast", "echo"),
                   {.plugin_path = {bench_dir()}});
    auto quiet = std::chrono::nanoseconds::max(), busy = quiet; // of the best round each: what disturbs only ever adds
    for (int round = 0; round < rounds; ++round) {
        quiet = std::min(quiet, p99(host.port("fast")));
        const SlowClients slow(host.port("slow"));
        busy = std::min(busy, p99(host.port("fast")));
    }
    const double ratio = static_cast<double>(busy.count()) / static_cast<double>(quiet.count());
    std::cout << "p99 without slow clients " << quiet.count() / 1000 << " us, with them " << busy.count() / 1000
              << " us: " << ratio << " x\n";
    EXPECT_LE(ratio, most_slower);
}

INSTANTIATE_TEST_SUITE_P(, SlowBulkhead, ::testing::Values("blocking_echo", "http"),
                         [](const auto& plugin) { return std::string(plugin.param); });

} // namespace
