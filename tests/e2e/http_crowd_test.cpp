// Thousands of slow downloads and uploads at once: they need few threads and little memory, and others are served as before.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "random_bytes.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t of_each = 5000;
constexpr std::size_t upload_size = 1'000'000;

// As if over Ethernet, with a small window: the packets of the loopback are so large that the kernel would run out of memory
// for all of its connections.
Client small_reader(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    constexpr int segment = 1448, buffer = 4096;
    EXPECT_EQ(::setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment), 0);
    EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return Client::adopt(fd);
}

// Half of them read a large file, the other half sends a body that the plugin refuses: 1 KB a second each.
class Crowd {
  public:
    explicit Crowd(std::uint16_t port) {
        writers_.reserve(of_each); // the thread uses those that are there
        for (std::size_t i = 0; i < of_each; ++i) {
            readers_.push_back(small_reader(port));
            readers_.back().send("GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n");
            served_ += readers_.back().recv_until("\r\n") == "HTTP/1.1 200 OK\r\n" ? 1U : 0U;
        }
        thread_ = std::thread([this] { go_on(); });
        for (std::size_t i = 0; i < of_each; ++i) {
            Client& writer = writers_.emplace_back(port);
            writer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(upload_size) + "\r\n\r\n");
            refused_ += writer.recv_until("\r\n") == "HTTP/1.1 405 Method Not Allowed\r\n" ? 1U : 0U;
            writing_.store(i + 1);
        }
    }
    ~Crowd() {
        stop_.store(true);
        thread_.join();
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    std::size_t refused() const { return refused_; }
    std::size_t served() const { return served_; }
    std::size_t lost() const { return lost_.load(); } // connections that were reset

  private:
    void go_on() {
        constexpr std::size_t together = 50;
        constexpr auto pause = std::chrono::nanoseconds(1s) / of_each * together;
        std::array<char, 1000> bytes{};
        auto next = Clock::now();
        for (std::size_t i = 0; !stop_.load(); i = (i + together) % of_each) {
            for (std::size_t j = i; j < i + together; ++j) {
                const bool got = ::recv(readers_[j].fd(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0;
                const bool sent = j >= writing_.load() ||
                                  ::send(writers_[j].fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
                lost_.fetch_add((sent ? 0U : 1U) + (got ? 0U : 1U));
            }
            std::this_thread::sleep_until(next += pause);
        }
    }

    std::vector<Client> readers_;
    std::vector<Client> writers_;
    std::size_t refused_ = 0;
    std::size_t served_ = 0;
    std::atomic<std::size_t> writing_{0};
    std::atomic<bool> stop_{false};
    std::atomic<std::size_t> lost_{0};
    std::thread thread_;
};

// Of requests one after the other: how long most of them take at most.
std::chrono::nanoseconds time_of_requests(std::uint16_t port) {
    Client client(port);
    std::vector<std::chrono::nanoseconds> times;
    const auto end = Clock::now() + 700ms;
    for (auto now = Clock::now(); now < end;) {
        client.send("GET /small HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(client.recv_until("\r\n\r\nsmall").starts_with("HTTP/1.1 200"));
        const auto after = Clock::now();
        times.push_back(after - now);
        now = after;
    }
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 9 / 10);
    std::nth_element(times.begin(), at, times.end());
    return *at;
}

TEST(SlowBulkheadHttp, TenThousandSlowOnes) {
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < 3 * of_each + 500) GTEST_SKIP() << "the limit on open files is only " << files.rlim_max;
    files.rlim_cur = files.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);

    const TempDir root;
    root.write("small", "small");
    std::ofstream(root / "big.bin") << random_bytes(20'000'000, 1);
    Gatehouse host(
        http_from(root, "backlog = 4096\nmax_connections = 20000\nlinger_timeout = \"5m\"\nlinger_idle_timeout = \"1m\""));
    auto before = std::chrono::nanoseconds::max(), beside = before; // of the best round each: what disturbs only ever adds
    for (int round = 0; round < 3; ++round) before = std::min(before, time_of_requests(host.port("http")));
    const Crowd crowd(host.port("http"));
    EXPECT_EQ(crowd.refused(), of_each);
    EXPECT_EQ(crowd.served(), of_each);
    for (int round = 0; round < 5; ++round) beside = std::min(beside, time_of_requests(host.port("http")));

    const std::string status = read_file("/proc/" + std::to_string(host.pid()) + "/status");
    const auto number = [&](const std::string& name) { return std::stoul(status.substr(status.find(name) + name.size())); };
    const unsigned long threads = number("\nThreads:"), kibibytes = number("\nVmRSS:");
    std::cout << threads << " threads, " << kibibytes / 1024 << " MiB; a request takes " << before.count() / 1000
              << " us without them, " << beside.count() / 1000 << " us beside them\n";
    EXPECT_LE(threads, 20U);
    EXPECT_LE(kibibytes, 100U * 1024);
    EXPECT_EQ(crowd.lost(), 0U);
    EXPECT_LE(beside, 2 * before);
    EXPECT_EQ(host.status("http").number("open"), 2 * of_each);
}

} // namespace
