// Bodies that the host carries, and connections to servers that it keeps: the HTTP proxy of the samples.
#include "certificates.hpp"
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <atomic>
#include <csignal>
#include <exception>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string answer_with(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Bytes of which a wrong one, a missing one or one too many is noticed.
std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    return bytes;
}

class HttpProxy : public testing::Test {
  protected:
    void start(std::string_view more = "threads.max = 2", const std::string& host = "") {
        host_.emplace(host + instance("web", "http_proxy", "server = \"" + upstream_.address() + "\"", more),
                      GatehouseOptions{.plugin_path = {sample_dir()}});
    }
    Client client() { return Client(host_->port("web")); }
    // The server's side of a connection, with the request that has come.
    Client served(const std::string& request = get) {
        Client server = upstream_.accept();
        EXPECT_EQ(server.recv_exactly(request.size()), request);
        return server;
    }

    Server upstream_;
    std::optional<Gatehouse> host_;
};

TEST_F(HttpProxy, CarriesBodiesBothWays) {
    start();
    const std::string body = pattern(3'000'000);
    const std::string head = "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    Client one = client();
    std::thread sending([&] { one.send(head + body + get); });
    Client server = upstream_.accept();
    EXPECT_TRUE(server.recv_exactly(head.size() + body.size()) == head + body);
    std::thread answering([&] { server.send(answer_with(body)); });
    EXPECT_TRUE(one.recv_exactly(answer_with(body).size()) == answer_with(body));
    sending.join();
    answering.join();
    EXPECT_EQ(server.recv_exactly(get.size()), get); // over the same connection, and not one byte of it was taken before
    server.send(answer_with("last"));
    EXPECT_EQ(one.recv_exactly(answer_with("last").size()), answer_with("last"));
}

TEST_F(HttpProxy, SlowReadersAndSlowWritersHoldNoThread) {
    start();
    constexpr int count = 50;
    const std::string body = pattern(4'000'000);
    const std::string answer = answer_with(body);
    std::vector<Client> readers, writers, servers;
    for (int i = 0; i < count; ++i) {
        limit_receive_buffer(readers.emplace_back(client()).fd());
        readers.back().send(get);
        servers.push_back(served());
        const std::string part = "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + std::string(1000, 'x');
        writers.emplace_back(client()).send(part);
        servers.push_back(served(part));
    }
    std::vector<std::thread> answering;
    for (int i = 0; i < 2; ++i) answering.emplace_back([&, i] { servers[static_cast<std::size_t>(2 * i)].send(answer); });
    for (int i = 2; i < count; ++i) servers[static_cast<std::size_t>(2 * i)].send(answer_with("x").substr(0, 30));
    const Record now = host_->wait_for_status("web", "all rest", [](const Record& record) {
        return record["parked"] == std::to_string(2 * count) && record["threads_blocked"] == "0";
    });
    EXPECT_LE(now.number("threads_most"), 2);
    eventually("it is quiet", [&] { return is_quiet(host_->pid(), 50ms); });
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(readers[i].recv_exactly(answer.size()) == answer);
    for (std::thread& one : answering) one.join();
    for (std::size_t i = 0; i < count; ++i) { // what has not moved for a while still does
        writers[i].send("more");
        EXPECT_EQ(servers[2 * i + 1].recv_exactly(4), "more");
    }
    for (Client& one : readers) one.reset();
    for (Client& one : writers) one.reset();
    host_->wait_for_status("web", "all have gone", [](const Record& record) { return record["open"] == "0"; });
}

TEST_F(HttpProxy, HearsAnAnswerInTheMiddleOfARequest) {
    start();
    const std::string head = "POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n";
    const std::string refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for (int i = 0; i < 100; ++i) {
        Client one = client();
        one.send(head + std::string(64 * 1024, 'x'));
        Client server = upstream_.accept();
        server.recv_exactly(head.size() + 1000); // the rest may come or not
        server.send(refusal);
        ASSERT_EQ(one.recv_exactly(refusal.size()), refusal) << i;
    }
}

TEST_F(HttpProxy, ACutBodyEndsTheConnection) {
    start("threads.max = 2\nlinger_timeout = \"100ms\"");
    Client one = client();
    one.send(get);
    Client server = served();
    const std::string part = answer_with(std::string(1000, 'x')).substr(0, 500);
    server.send(part);
    EXPECT_EQ(one.recv_exactly(part.size()), part);
    server.reset();
    EXPECT_TRUE(one.ends());
    Client other = client(); // and one whose client has gone
    other.send(get);
    Client second = served();
    second.send(part);
    EXPECT_EQ(other.recv_exactly(part.size()), part);
    other.reset();
    EXPECT_TRUE(second.ends());
}

TEST_F(HttpProxy, ADrainLetsABodyEnd) {
    start("threads.max = 2\nlinger_timeout = \"100ms\"", "[host]\ndrain_timeout = \"20s\"\n");
    Client one = client();
    one.send(get);
    Client server = served();
    server.send(answer_with(std::string(1000, 'x')).substr(0, 500));
    host_->signal(SIGTERM);
    host_->wait_for_text("draining");
    server.send(answer_with(std::string(1000, 'x')).substr(500));
    EXPECT_EQ(one.recv_until_eof(), answer_with(std::string(1000, 'x')));
    EXPECT_EQ(host_->wait_exit(), 0);
    EXPECT_EQ(host_->wait_for_closed("web")["reason"], "drained");
}

TEST_F(HttpProxy, TheDrainsDeadlineCutsBothSides) {
    start("threads.max = 2", "[host]\ndrain_timeout = \"200ms\"\n");
    Client one = client();
    const std::string part = "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nsome";
    one.send(part);
    Client server = served(part);
    host_->signal(SIGTERM);
    EXPECT_TRUE(server.rest().reset);
    EXPECT_TRUE(one.rest().reset);
    EXPECT_EQ(host_->wait_exit(), 0);
    EXPECT_EQ(host_->wait_for_closed("web")["reason"], "drained");
}

TEST_F(HttpProxy, ABodyThatDoesNotComeIsIdle) {
    start("threads.max = 2\nidle_timeout = \"200ms\"\nlinger_timeout = \"100ms\"");
    Client one = client();
    const std::string part = "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nsome";
    one.send(part);
    Client server = served(part);
    for (int i = 0; i < 3; ++i) { // each byte counts
        std::this_thread::sleep_for(100ms);
        one.send("x");
        EXPECT_EQ(server.recv_exactly(1), "x");
    }
    EXPECT_TRUE(one.ends());
    EXPECT_TRUE(server.ends());
    EXPECT_EQ(host_->wait_for_closed("web")["reason"], "idle_timeout");
}

TEST_F(HttpProxy, WhatHappensMeanwhileIsToldAfterwards) {
    Gatehouse host("[host]\ndrain_timeout = \"20s\"\n" +
                       instance("carries", "carries", "server = \"" + upstream_.address() + "\"", "linger_timeout = \"100ms\""),
                   with_fixtures());
    Client one(host.port("carries"));
    Client server = upstream_.accept();
    one.send("abc");
    EXPECT_EQ(server.recv_exactly(3), "abc");
    EXPECT_FALSE(one.readable(50ms)); // the wake-up and the deadline have passed
    one.send("def");
    EXPECT_EQ(server.recv_exactly(3), "def");
    EXPECT_EQ(one.recv_exactly(20), "relayed woken timer ");

    Client other(host.port("carries"));
    Client second = upstream_.accept();
    other.send("abc");
    EXPECT_EQ(second.recv_exactly(3), "abc");
    host.signal(SIGTERM);
    EXPECT_EQ(one.recv_until_eof(), "stopping ");
    EXPECT_FALSE(other.readable(50ms));
    other.send("def");
    EXPECT_EQ(other.recv_until_eof(), "relayed stopping ");
    EXPECT_EQ(host.wait_exit(), 0);
}

// A server that answers each request of a connection with "x", and closes it at random, before it answers or after; `served`
// and `connections` count.
class WebServer {
  public:
    explicit WebServer(Server& socket, unsigned seed) : socket_(socket), random_(seed), thread_([this] { run(); }) {}
    ~WebServer() {
        stopping_ = true;
        ::shutdown(socket_.fd(), SHUT_RDWR);
        thread_.join();
        for (std::thread& one : serving_) one.join();
    }

    std::atomic<int> connections{0};

  private:
    void run() {
        while (!stopping_) {
            try {
                Client client = socket_.accept();
                ++connections;
                serving_.emplace_back([this, client = std::move(client),
                                       last = static_cast<unsigned>(random_() % 40)]() mutable { serve(client, last); });
            } catch (const std::exception&) {
                return;
            }
        }
    }
    // Its `last` answer is the last, and it closes at once or with the next request.
    void serve(Client& client, unsigned last) const {
        try {
            for (unsigned i = 0; i <= last; ++i) {
                request(client);
                client.send(answer_with("x"));
            }
            if (last % 2 == 0) return client.close();
            request(client);
            client.reset();
        } catch (const std::exception&) { // the host has closed it
        }
    }
    void request(Client& client) const {
        while (!client.readable(10ms))
            if (stopping_) throw std::runtime_error("stopping");
        client.recv_until("\r\n\r\n");
    }

    Server& socket_;
    std::minstd_rand random_;
    std::atomic<bool> stopping_{false};
    std::vector<std::thread> serving_;
    std::thread thread_;
};

TEST_F(HttpProxy, NoRequestFailsThoughServersCloseKeptConnections) {
    start("threads.max = 4");
    const unsigned at_first = descriptors(host_->pid());
    constexpr int clients = 4, requests = 500;
    std::atomic<int> failed{0};
    {
        WebServer web(upstream_, 1);
        std::vector<std::thread> all;
        for (int i = 0; i < clients; ++i)
            all.emplace_back([&] {
                Client one = client();
                for (int n = 0; n < requests; ++n) {
                    one.send(get);
                    if (one.recv_exactly(answer_with("x").size()) != answer_with("x")) ++failed;
                }
            });
        for (std::thread& one : all) one.join();
        EXPECT_EQ(failed, 0);
        EXPECT_LE(web.connections, clients * requests / 10);
    }
    // The server has closed the idle ones: so does the host. Its thread that watches them has two descriptors of its own.
    eventually("all descriptors are back", [&] { return descriptors(host_->pid()) <= at_first + 2; });
}

TEST_F(HttpProxy, OverTls) {
    Certificates certificates;
    certificates.make("web", {"127.0.0.1"});
    start("threads.max = 2\ntls = \"web\"", certificates.section("web"));
    const std::string body = pattern(2'000'000);
    std::thread answering([&] {
        Client server = upstream_.accept();
        server.recv_until("\r\n\r\n");
        server.send(answer_with(body));
    });
    const Result got = run({"curl", "--silent", "--insecure", "https://127.0.0.1:" + std::to_string(host_->port("web")) + "/"});
    answering.join();
    EXPECT_TRUE(got.out == body);
}

} // namespace
