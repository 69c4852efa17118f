// Memory runs out in a host that serves: at the n-th allocation, for n = 1, 2, 3, ... until nothing is left to fail; from the
// n-th on for as long as a client is there; and by a real limit. A connection may end then, the host may not.
#include "certificates.hpp"
#include "clients.hpp"
#include "failing_malloc.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t all = 1'000'000'000;

// Texts of 15 bytes and less need no allocation.
const std::string name = "a-listener-whose-name-is-longer-than-most";

class NoMemory : public testing::Test {
  protected:
    NoMemory() {
        const std::string file = dir_.write("wanted", std::string(sizeof(FailingMalloc), '\0'));
        const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
        void* const shared = ::mmap(nullptr, sizeof(FailingMalloc), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ::close(fd);
        if (shared == MAP_FAILED) throw std::runtime_error("mmap");
        wanted_ = static_cast<FailingMalloc*>(shared);
        environment_ = {"LD_PRELOAD=" FAILING_MALLOC, std::string(failing_malloc_file) + "=" + file};
    }
    ~NoMemory() override { ::munmap(wanted_, sizeof *wanted_); }
    void SetUp() override {
        if (!sanitizer().empty()) GTEST_SKIP() << "the sanitizers have an allocator of their own";
    }

    void start(const std::string& config) {
        host_.emplace(config, GatehouseOptions{.plugin_path = {fixture_dir()}, .environment = environment_});
    }

    // Has memory fail at the n-th allocation while `talk` runs, or from the n-th on, for each n, until `talk` meets no failure
    // any more. In between `works` must say that the host serves as before.
    void fail_each(const std::function<void()>& talk, const std::function<bool()>& works) {
        for (const std::int64_t failing : {std::int64_t{1}, all}) fail_each(failing, talk, works);
    }
    void fail_each(std::int64_t failing, const std::function<void()>& talk, const std::function<bool()>& works) {
        int spared = 0;
        for (std::int64_t n = 0; spared < 3; ++n) {
            ASSERT_LT(n, 2000) << "it does not come to an end";
            wanted_->failed.store(0);
            wanted_->before.store(n);
            wanted_->failing.store(failing);
            try {
                talk();
            } catch (const std::exception&) { // the host has no memory for this client
            }
            wanted_->failing.store(0);
            failed_ += wanted_->failed.load();
            spared = wanted_->failed.load() == 0 ? spared + 1 : 0;
            ASSERT_TRUE(host_->alive()) << "at allocation " << n << "\n" << host_->tail();
            ASSERT_TRUE(works()) << "after allocation " << n << "\n" << host_->tail();
        }
    }

    void talk_to_the_end() {
        Client client(host_->port(name));
        client.echoes("hello");
        client.finish();
        client.rest();
    }
    bool echoes() {
        Client client(host_->port(name));
        return client.echoes("hello");
    }

    const TempDir dir_;
    FailingMalloc* wanted_ = nullptr;
    std::int64_t failed_ = 0; // allocations
    std::vector<std::string> environment_;
    std::optional<Gatehouse> host_;
};

// One that comes from nowhere to its end, with a new thread for it.
TEST_F(NoMemory, ForAConnection) {
    start(listener(name, "echo", "threads.keep = \"10ms\"") + "[log]\nlevel = \"debug\"\n");
    fail_each([&] { talk_to_the_end(); }, [&] { return echoes(); });
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(NoMemory, ForARoutedConnectionBehindAProxy) {
    start(listener(name, "echo",
                   "proxy_protocol.from = [\"127.0.0.0/8\"]\n[[listeners.routes]]\nprobe = \"http\"\nplugin = "
                   "\"echo\""));
    const auto talk = [&] {
        Client client(host_->port(name));
        client.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n");
        client.recv_exactly(18);
    };
    const auto works = [&] {
        talk();
        return true;
    };
    fail_each(talk, works);
    EXPECT_EQ(host_->terminate(), 0);
}

// Each newcomer is left to another thread, since its source decides.
TEST_F(NoMemory, ForPosts) {
    start(listener(name, "echo", "[[listeners.routes]]\nsource = [\"127.0.0.0/8\"]\nplugin = \"echo\""));
    const auto talk = [&] {
        std::vector<Client> clients;
        for (int i = 0; i < 20; ++i) clients.emplace_back(host_->port(name)).send("hello");
        for (Client& client : clients) client.readable(5ms);
    };
    fail_each(talk, [&] { return echoes(); });
    EXPECT_EQ(host_->terminate(), 0);
}

// A line of the log that a plugin writes, and one about an upstream that cannot be reached.
TEST_F(NoMemory, ForLinesOfPlugins) {
    start(instance(name, "socks5", "allow = [\"127.0.0.0/8\"]"));
    const auto refused = [&] {
        Client client(host_->port(name));
        client.send("GET / HTTP/1.0\r\n\r\n");
        return client.rest().bytes;
    };
    const auto unreached = [&] {
        Client client(host_->port(name));
        client.send(std::string("\5\1\0\5\1\0\1\x7f\0\0\1\0\1", 13)); // port 1 of this machine
        return client.rest().bytes;
    };
    const auto talk = [&] {
        refused();
        unreached();
    };
    const auto works = [&] { return refused() == "\5\xff" && unreached().size() == 12; };
    fail_each(talk, works);
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(NoMemory, ForARelay) {
    const Gatehouse behind(listener("echo", "echo"));
    start(instance(name, "gateway", "upstream = \"" + behind.address("echo") + "\", retries = 0"));
    fail_each([&] { talk_to_the_end(); }, [&] { return echoes(); });
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(NoMemory, ForAFile) {
    const TempDir root;
    root.write("index.html", "hello");
    start(instance(name, "http", "root = \"" + root.path().string() + "\""));
    const auto talk = [&] {
        Client client(host_->port(name));
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n");
        client.rest();
    };
    const auto works = [&] {
        Client client(host_->port(name));
        client.send("GET / HTTP/1.0\r\n\r\n");
        return client.rest().bytes.ends_with("hello");
    };
    fail_each(talk, works);
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(NoMemory, ForATlsHandshake) {
    const Certificates certificates;
    certificates.make("web", {"localhost"});
    start(certificates.section("web") + listener(name, "echo", "tls = \"web\""));
    // A client that says half of what it has to, and one whose ClientHello is malformed.
    const auto malformed = [&] {
        Client client(host_->port(name));
        client.send(std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10));
        return client.rest().bytes;
    };
    const auto talk = [&] {
        Client half(host_->port(name));
        half.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
        half.finish();
        half.rest();
        malformed();
    };
    const auto works = [&] { return malformed().starts_with('\x15'); }; // an alert
    fail_each(talk, works);
    EXPECT_GT(failed_, 50) << "is the library preloaded?";
    const Result whole = run({"openssl", "s_client", "-verify_return_error", "-CAfile", certificates.ca(), "-servername",
                              "localhost", "-connect", "127.0.0.1:" + std::to_string(host_->port(name))},
                             {.input = ""});
    EXPECT_EQ(whole.status, 0) << whole.err;
    EXPECT_EQ(host_->terminate(), 0);
}

// Each step of a reload that changes something, on three threads.
TEST_F(NoMemory, ForAReload) {
    const auto with = [](int round) {
        return listener(name, "echo", "idle_timeout = \"" + std::to_string(1 + round % 2) + "m\"") +
               (round % 3 == 0 ? "" : listener("extra", round % 3 == 1 ? "echo" : "discard"));
    };
    start(with(0));
    int round = 0;
    for (const std::int64_t failing : {std::int64_t{1}, all})
        for (std::int64_t n = 0; n < 20'000; n += 1 + n / 16) {
            host_->write(with(++round));
            wanted_->before.store(n);
            wanted_->failing.store(failing);
            host_->signal(SIGHUP);
            ::usleep(5'000); // while memory is short: nothing tells whether the signal has come to anything
            wanted_->failing.store(0);
            ASSERT_TRUE(host_->alive()) << "at allocation " << n << "\n" << host_->tail();
            ASSERT_TRUE(echoes()) << "after allocation " << n << "\n" << host_->tail();
        }
    host_->write(with(++round));
    eventually("a reload is carried out", [&] { return host_->reload()["result"] != "refused"; });
    EXPECT_TRUE(echoes());
    EXPECT_EQ(host_->terminate(), 0);
}

// What the main thread does beside the clients.
TEST_F(NoMemory, ForSignals) {
    start(listener(name, "echo"));
    for (const int signal : {SIGUSR1, SIGUSR2, SIGHUP}) {
        const auto works = [&] {
            host_->status(name); // also: the signal before has been dealt with
            return echoes();
        };
        const auto talk = [&] {
            host_->signal(signal);
            ::usleep(1'000); // while memory is short: nothing tells whether the signal has come to anything
        };
        fail_each(talk, works);
    }
    EXPECT_EQ(host_->terminate(), 0);
}

TEST_F(NoMemory, ForTheDrain) {
    for (std::int64_t n = 0; n < 24; ++n) {
        start(listener(name, "echo"));
        Client parked(host_->port(name));
        ASSERT_TRUE(parked.echoes("hello"));
        wanted_->before.store(n);
        wanted_->failing.store(n % 2 == 0 ? 1 : all);
        host_->signal(SIGTERM);
        parked.rest();
        parked.close();
        EXPECT_EQ(host_->wait_exit(), 0) << n;
        wanted_->failing.store(0);
    }
}

// The kernel's limit, a little above what the host has mapped: no thread, no stack, no page more.
TEST(MemoryLimit, EndsConnectionsAndNotTheHost) {
    if (!sanitizer().empty()) GTEST_SKIP() << "the sanitizers map more than any limit";
    const Gatehouse behind(listener("echo", "echo"));
    Gatehouse host(listener("echo", "echo") + instance("slow", "slow") + gateway_to(behind.address("echo")),
                   {.plugin_path = {fixture_dir()}});
    const auto works = [&] {
        Client client(host.port("echo"));
        return client.echoes("hello");
    };
    ASSERT_TRUE(works());
    const auto mapped = [&] {
        const std::string status = read_file("/proc/" + std::to_string(host.pid()) + "/status");
        return std::stoull(status.substr(status.find("VmSize:") + 7)) * 1024;
    };
    for (const rlim_t more : {std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{65536}, std::uint64_t{1} << 20U}) {
        rlimit before{};
        const rlimit limit{mapped() + more, RLIM_INFINITY};
        ASSERT_EQ(::prlimit(host.pid(), RLIMIT_AS, nullptr, &before), 0);
        ASSERT_EQ(::prlimit(host.pid(), RLIMIT_AS, &limit, nullptr), 0);
        std::vector<Client> clients;
        for (int i = 0; i < 150; ++i) {
            Client& client = clients.emplace_back(host.port(i % 3 == 0 ? "echo" : i % 3 == 1 ? "slow" : "gateway"));
            client.send("10\n");
        }
        for (Client& client : clients) client.readable(20ms);
        clients.clear();
        ASSERT_TRUE(host.alive()) << more;
        ASSERT_EQ(::prlimit(host.pid(), RLIMIT_AS, &before, nullptr), 0);
        ASSERT_TRUE(works()) << more;
    }
    EXPECT_EQ(host.terminate(), 0);
}

} // namespace
