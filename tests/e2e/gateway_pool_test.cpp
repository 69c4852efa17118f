// The gateway in front of several servers: balancing, health, retries, waiting, and servers that die under load.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "named_server.hpp"

#include <atomic>
#include <csignal>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

using namespace gatehouse::support;

namespace {

std::string entry(const std::string& address, const std::string& more = "") {
    return "{ address = \"" + address + '"' + (more.empty() ? "" : ", " + more) + " }";
}

std::string gateway_in_front_of(const std::string& servers, const std::string& more = "") {
    return "[plugins.gateway.config]\nservers = [" + servers + "]\n" + more + "\n" + listener("gateway", "gateway");
}

std::string name_of_server(Client& client) { return client.recv_until("\n"); }

// Which servers `count` connections reach, one after the other, as "abab".
std::string reached(Gatehouse& host, int count) {
    std::string names;
    for (int i = 0; i < count; ++i) {
        Client client(host.port("gateway"));
        names += name_of_server(client).front();
    }
    return names;
}

void wait_for_text(Gatehouse& host, const std::string& text, std::size_t from = 0) {
    host.wait_for_log([&](const Record& record) { return record.message().find(text) != std::string::npos; }, text, from);
}

TEST(GatewayPool, TakesTurnsByWeight) {
    const NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "weight = 2") + ", " + entry(b.address())));
    EXPECT_EQ(reached(host, 9), "abaabaaba");
}

TEST(GatewayPool, AFailedConnectGoesToAnotherServer) {
    const NobodyThere nobody;
    const NamedServer b("b");
    Gatehouse host(gateway_in_front_of(entry(nobody.address()) + ", " + entry(b.address())));
    EXPECT_EQ(reached(host, 8), "bbbbbbbb");
    const Record ejected = host.wait_for_log(
        [](const Record& record) { return record.message().find("ejected") != std::string::npos; }, "ejected");
    EXPECT_EQ(ejected.message(),
              "server " + nobody.address() +
                  " is ejected for 1s: 3 connections in a row failed, the last one: connection refused; 1 of 2 "
                  "servers available");
    EXPECT_EQ(ejected.level(), "warning");
    EXPECT_EQ(ejected["plugin"], "gateway");
}

TEST(GatewayPool, ABackupTakesOver) {
    NamedServer a("a");
    const NamedServer b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address()) + ", " + entry(b.address(), "backup = true")));
    EXPECT_EQ(reached(host, 4), "aaaa");
    a.stop();
    EXPECT_EQ(reached(host, 4), "bbbb");
}

TEST(GatewayPool, AllDownIsSaidAtOnceAndOneComesBack) {
    NamedServer a("a"), b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "name = \"a\"") + ", " + entry(b.address(), "name = \"b\""),
                                       "health = { interval = \"20ms\", fall = 2, rise = 2 }\nejection = { failures = 0 }"));
    EXPECT_EQ(reached(host, 2).size(), 2U);
    a.stop();
    b.stop();
    wait_for_text(host, "server a (" + a.address() + ") is down: 2 checks in a row failed");
    wait_for_text(host, "server b (" + b.address() + ") is down: 2 checks in a row failed");
    Client client(host.port("gateway"));
    const std::string peer = client.local_address();
    EXPECT_EQ(client.recv_until_eof(), "");
    client.close();
    const Record warning = host.wait_for_log("no connection to the upstream", {{"peer", peer}});
    EXPECT_TRUE(warning["error"].starts_with("no server is available: a is down (")) << warning.line;
    const Record closed = host.wait_for_closed("gateway", peer);
    EXPECT_EQ(closed["reason"], "upstream_failed");
    EXPECT_LT(closed.number("ms"), 2000);
    b.start();
    wait_for_text(host, "server b (" + b.address() + ") is up; 1 of 2 servers available");
    EXPECT_EQ(reached(host, 3), "bbb");
}

TEST(GatewayPool, ClientsWaitForAPlaceAndLoseNothing) {
    const NamedServer a("a");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { size = 2, timeout = \"30s\" }"));
    Client first(host.port("gateway"));
    EXPECT_EQ(name_of_server(first), "a\n");
    Client second(host.port("gateway"));
    second.send("said while waiting\n");
    Client third(host.port("gateway"));
    host.wait_for_status("gateway", "three are open", [](const Record& now) { return now["open"] == "3"; });
    EXPECT_FALSE(second.readable(std::chrono::milliseconds(100)));

    std::string peer; // the queue is full
    std::optional<Client> fourth;
    eventually("two wait and one is turned away", [&] {
        fourth.emplace(host.port("gateway"));
        peer = fourth->local_address();
        return fourth->readable(std::chrono::milliseconds(200));
    });
    EXPECT_EQ(fourth->recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream", {{"peer", peer}})["error"],
              "all servers are full, and the queue is full (2 clients)");

    first.close();
    EXPECT_EQ(second.recv_until("waiting\n"), "a\nsaid while waiting\n");
    third.reset(); // it goes away while it waits
    second.close();
    Client last(host.port("gateway"));
    EXPECT_EQ(name_of_server(last), "a\n");
}

TEST(GatewayPool, WaitingEndsInTime) {
    const NamedServer a("a");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { timeout = \"100ms\" }"));
    Client first(host.port("gateway"));
    EXPECT_EQ(name_of_server(first), "a\n");
    Client second(host.port("gateway"));
    EXPECT_EQ(second.recv_until_eof(), "");
    EXPECT_EQ(host.wait_for_log("no connection to the upstream")["error"], "all servers were full for 100ms");
}

TEST(GatewayPool, ADrainEndsTheWait) {
    const NamedServer a("a");
    Gatehouse host(gateway_in_front_of(entry(a.address(), "max_connections = 1"), "queue = { timeout = \"30s\" }"));
    Client first(host.port("gateway"));
    EXPECT_EQ(name_of_server(first), "a\n");
    Client second(host.port("gateway"));
    host.wait_for_status("gateway", "two are open", [](const Record& now) { return now["open"] == "2"; });
    host.signal(SIGTERM);
    EXPECT_EQ(second.recv_until_eof(), "");
    const std::string peer = second.local_address();
    second.close();
    EXPECT_EQ(host.wait_for_closed("gateway", peer)["reason"], "drained");
    first.close();
    EXPECT_EQ(host.wait_exit(), 0);
}

// --- under load ----------------------------------------------------------------------------------------------------------

// What clients of a gateway have seen: each connects, learns whom it has reached, and talks for a while.
class Load {
  public:
    Load(std::uint16_t port, int threads, int talks) : port_(port), talks_(talks) {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }
    ~Load() { stop(); }

    void stop() {
        stopping_ = true;
        for (std::thread& thread : threads_)
            if (thread.joinable()) thread.join();
    }

    struct Count {
        int good = 0, failed = 0;
    };
    // By the server's name; "" for connections that ended before it had told its name.
    Count of(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return counts_[name];
    }
    int total() {
        const std::lock_guard lock(mutex_);
        int all = 0;
        for (const auto& [name, count] : counts_) all += count.good + count.failed;
        return all;
    }

  private:
    void run() {
        while (!stopping_) {
            std::string name;
            bool good = false;
            try {
                Client client(port_);
                name = client.recv_until("\n");
                name.pop_back();
                for (int i = 0; i < talks_; ++i) {
                    client.send("hello\n");
                    client.recv_exactly(6);
                }
                good = true;
            } catch (const std::exception&) { // it counts as failed
            }
            const std::lock_guard lock(mutex_);
            ++(good ? counts_[name].good : counts_[name].failed);
        }
    }

    const std::uint16_t port_; // constant after construction
    const int talks_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::map<std::string, Count> counts_; // guarded by mutex_
    std::vector<std::thread> threads_;
};

// One server goes and comes back a hundred times; those on the others do not notice.
TEST(SlowGatewayPool, AFlappingServerHarmsNobodyElse) {
    NamedServer a("a"), b("b"), c("c");
    Gatehouse host(gateway_in_front_of(entry(a.address()) + ", " + entry(b.address()) + ", " + entry(c.address()),
                                       "health = { interval = \"10ms\", rise = 1, fall = 1, timeout = \"5s\" }\n"
                                       "ejection = { backoff = \"10ms\", max_backoff = \"20ms\" }"));
    Load load(host.port("gateway"), 6, 20);
    for (int flap = 0; flap < 100; ++flap) {
        const int before = load.total();
        c.stop();
        eventually("some come while it is away", [&] { return load.total() > before + 5; });
        c.start();
        eventually("and some when it is back", [&] { return load.total() > before + 10; });
    }
    const int before = load.of("c").good;
    eventually("it is used again", [&] { return load.of("c").good > before; });
    load.stop();
    EXPECT_EQ(load.of("a").failed, 0);
    EXPECT_EQ(load.of("b").failed, 0);
    EXPECT_GT(load.of("a").good, 100);
    EXPECT_GT(load.of("b").good, 100);
    EXPECT_GT(load.of("c").good, 0);
    std::printf("a %d, b %d, c %d good and %d failed, %d before they had learnt whom they had reached\n", load.of("a").good,
                load.of("b").good, load.of("c").good, load.of("c").failed, load.of("").failed);
    // Such a connection was accepted by c's kernel before c went: nobody else ends any.
    EXPECT_LE(load.of("").failed + load.of("c").failed, 100 * 6);
}

// --- kill -9 -------------------------------------------------------------------------------------------------------------

// A redis-server with its own name as the value of "name".
class NamedRedis {
  public:
    explicit NamedRedis(const std::string& name) {
        for (int attempt = 0; attempt < 5 && !process_; ++attempt) {
            address_ = Server().address(); // nobody has it at the moment; somebody may take it before redis-server does
            const std::string port = address_.substr(address_.rfind(':') + 1);
            process_ = std::make_unique<Process>(std::vector<std::string>{"redis-server", "--port", port, "--bind", "127.0.0.1",
                                                                          "--dir", dir_.path().string(), "--save", "",
                                                                          "--appendonly", "no"});
            if (!process_->wait_output([](const std::string& out, const std::string&) {
                    return out.find("eady to accept connections") != std::string::npos;
                }))
                process_.reset();
        }
        if (!process_) throw std::runtime_error("redis-server does not start");
        Client client(address_);
        client.send("SET name " + name + "\r\n");
        client.recv_until("+OK\r\n");
    }
    const std::string& address() const noexcept { return address_; }
    void kill() { process_->signal(SIGKILL); }

  private:
    TempDir dir_;
    std::unique_ptr<Process> process_;
    std::string address_;
};

std::string ask_name(Client& client) {
    client.send("GET name\r\n");
    const std::string reply = client.recv_until("\r\n"); // "$1"
    return client.recv_exactly(static_cast<std::size_t>(std::stoi(reply.substr(1))) + 2).substr(0, 1);
}

// Only connections to the killed server fail, and none of those that are made afterwards.
TEST(GatewayPool, KillingAServerFailsItsConnectionsOnly) {
    const NamedRedis a("a"), c("c");
    NamedRedis b("b");
    Gatehouse host(gateway_in_front_of(entry(a.address()) + ", " + entry(b.address()) + ", " + entry(c.address())));
    const std::uint16_t port = host.port("gateway");

    std::atomic<bool> killed = false, stop = false;
    std::atomic<int> failed_on_b = 0, failed_on_others = 0, failed_afterwards = 0, made_afterwards = 0, ready = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 9; ++i) {
        threads.emplace_back([&] {
            bool counted = false;
            while (!stop) {
                const bool afterwards = killed; // read before it connects
                std::string name;
                try {
                    Client client(port);
                    for (int request = 0; request < 200 && !stop; ++request) {
                        name = ask_name(client);
                        if (!std::exchange(counted, true)) ++ready;
                        if (afterwards && request == 0) ++made_afterwards;
                    }
                } catch (const std::exception&) {
                    if (afterwards)
                        ++failed_afterwards;
                    else
                        ++(name == "b" || name.empty() ? failed_on_b : failed_on_others);
                }
            }
        });
    }
    eventually("all talk", [&] { return ready == 9; });
    b.kill();
    eventually("nobody listens there", [&] { return refused(b.address()); });
    killed = true;
    eventually("many connect afterwards", [&] { return made_afterwards > 100; });
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed_on_others, 0);
    EXPECT_EQ(failed_afterwards, 0);
    EXPECT_LE(failed_on_b, 9);
}

} // namespace
