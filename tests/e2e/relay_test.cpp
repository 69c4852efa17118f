// The relay engine under bulk data: whole at both ends, bounded in between, and honest about how it ended.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"
#include "random_bytes.hpp"

#include <algorithm>
#include <future>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

using namespace gatehouse::support;

namespace {

std::future<void> send_all(Client& from, const std::string& bytes) {
    return std::async(std::launch::async, [&] {
        from.send(bytes);
        from.finish();
    });
}

// Sends until the other end's not reading has come back to here, and returns how much that was.
std::size_t fill(Client& from, std::string_view bytes) {
    std::size_t sent = 0;
    pollfd waiting{from.fd(), POLLOUT, 0};
    while (sent < bytes.size() && ::poll(&waiting, 1, 100) > 0) {
        const ssize_t count = ::send(from.fd(), bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) sent += static_cast<std::size_t>(count);
    }
    return sent;
}

// How much of what was sent the peer's kernel has not acknowledged.
std::size_t on_the_way(const Client& from) {
    int size = 0;
    ::ioctl(from.fd(), SIOCOUTQ, &size);
    return static_cast<std::size_t>(size);
}

class Relay : public testing::Test {
  protected:
    Relay() { limit_receive_buffer(upstream_.fd()); }

    std::pair<Client, Client> connect() {
        Client client(host_.port("gateway"));
        limit_receive_buffer(client.fd());
        return {std::move(client), upstream_.accept()};
    }

    Server upstream_;
    Gatehouse host_{"[plugins.gateway]\nconfig = { upstream = \"" + upstream_.address() + "\" }\n" +
                    listener("gateway", "gateway", "receive_buffer = \"128KiB\"")};
};

// Each side sends all it has while it reads; the buffers on the way are far smaller.
TEST_F(Relay, MuchBothWaysAtOnceArrivesWhole) {
    const std::string up = random_bytes(48 << 20, 1);
    const std::string down = random_bytes((48 << 20) + 12'345, 2);
    auto [client, server] = connect();
    std::future<void> from_client = send_all(client, up);
    std::future<void> from_server = send_all(server, down);
    std::future<std::string> at_server = std::async(std::launch::async, [&] { return server.recv_until_eof(); });
    EXPECT_TRUE(client.recv_until_eof() == down);
    EXPECT_TRUE(at_server.get() == up);
    from_client.get();
    from_server.get();
    const Record closed = host_.wait_for_closed("gateway");
    EXPECT_EQ(closed["in"], std::to_string(up.size()));
    EXPECT_EQ(closed["out"], std::to_string(down.size()));
}

// One direction ends while it carries bulk, then the other carries as much.
TEST_F(Relay, ABulkHalfCloseLeavesTheOtherDirectionOpen) {
    const std::string bytes = random_bytes(32 << 20, 3);
    for (const bool client_first : {true, false}) {
        auto [client, server] = connect();
        Client& first = client_first ? client : server;
        Client& second = client_first ? server : client;
        const std::size_t from = host_.log_size();
        std::future<void> sender = send_all(first, bytes);
        EXPECT_TRUE(second.recv_until_eof() == bytes);
        sender.get();
        sender = send_all(second, bytes);
        EXPECT_TRUE(first.recv_until_eof() == bytes);
        sender.get();
        const Record closed = host_.wait_for_closed("gateway", client.local_address(), from);
        EXPECT_EQ(closed["reason"], client_first ? "peer_closed" : "upstream_closed");
        EXPECT_EQ(closed["in"], std::to_string(bytes.size()));
        EXPECT_EQ(closed["out"], std::to_string(bytes.size()));
    }
}

// A side that does not read stops the other one's sender; nothing piles up in the host, and nothing is lost.
TEST_F(Relay, SlowReadersStopTheirSendersAndHoldLittleMemory) {
    constexpr std::size_t pairs = 80; // more than there are pipes for one thread
    const std::string bytes = random_bytes(16 << 20, 4);
    {
        auto [client, server] = connect(); // what the first bulk costs once is not what each one costs
        std::future<void> sender = send_all(client, bytes);
        EXPECT_TRUE(server.recv_until_eof() == bytes);
        sender.get();
    }
    std::vector<std::pair<Client, Client>> stalled;
    for (std::size_t i = 0; i < pairs; ++i) stalled.push_back(connect());
    const std::uint64_t memory = resident_kib(host_.pid());
    const unsigned files = descriptors(host_.pid());
    std::vector<std::future<std::size_t>> senders;
    for (auto& stall : stalled) senders.push_back(std::async(std::launch::async, [&] { return fill(stall.first, bytes); }));
    std::vector<std::size_t> sent;
    for (auto& sender : senders) sent.push_back(sender.get());
    EXPECT_LT(*std::max_element(sent.begin(), sent.end()), bytes.size()) << "nobody has read it";
    EXPECT_LT(resident_kib(host_.pid()), memory + pairs * 80); // 64 KiB each at most
    EXPECT_GT(descriptors(host_.pid()), files) << "nothing is held up in a pipe";
    EXPECT_LE(descriptors(host_.pid()), files + pairs * 2);
    for (std::size_t i = 0; i < pairs; ++i) {
        stalled[i].first.finish();
        EXPECT_TRUE(stalled[i].second.recv_until_eof() == bytes.substr(0, sent[i])) << i;
    }
}

// A reset while bulk is held up: the reason says whose, the other side is reset too, and what was not passed on is not counted.
TEST_F(Relay, AResetInTheMiddleSaysWhoseItWas) {
    const std::string bytes = random_bytes(48 << 20, 5); // more than the largest buffers on the way take together
    for (const bool by_client : {true, false}) {
        for (const bool from_client : {true, false}) {
            auto [client, server] = connect();
            const std::string peer = client.local_address();
            const std::size_t log_size = host_.log_size();
            Client& sender = from_client ? client : server;
            Client& reader = from_client ? server : client;
            const std::size_t sent = fill(sender, bytes);
            EXPECT_LT(sent, bytes.size());
            std::string got = reader.recv_exactly(1 << 20);
            fill(sender, std::string_view(bytes).substr(sent)); // and held up again
            (by_client ? client : server).reset();
            Client::Rest rest = (by_client ? server : client).rest();
            EXPECT_TRUE(rest.reset);
            if (by_client != from_client) got += rest.bytes; // the reader was not the one that has reset
            EXPECT_TRUE(std::string_view(bytes).starts_with(got));
            const Record closed = host_.wait_for_closed("gateway", peer, log_size);
            EXPECT_EQ(closed["reason"], by_client ? "peer_reset" : "upstream_reset");
            const double counted = closed.number(from_client ? "in" : "out");
            EXPECT_GE(counted, static_cast<double>(got.size()));
            EXPECT_LT(counted, static_cast<double>(bytes.size()));
            EXPECT_EQ(closed[from_client ? "out" : "in"], "0");
        }
    }
}

// Whatever the sender's reset finds in the host, in its buffers, in a pipe or unread in the kernel, has arrived.
TEST_F(Relay, WhatHadArrivedBeforeAResetIsDelivered) {
    const std::string bytes = random_bytes(48 << 20, 6);
    for (const bool by_client : {true, false}) {
        for (const bool bulk : {false, true}) {
            auto [client, server] = connect();
            const std::string peer = client.local_address();
            const std::size_t log_size = host_.log_size();
            Client& sender = by_client ? client : server;
            Client& reader = by_client ? server : client;
            const std::size_t sent = fill(sender, std::string_view(bytes).substr(0, bulk ? bytes.size() : 50'000));
            const std::size_t arrived = sent - on_the_way(sender);
            EXPECT_GT(arrived, 0U);
            sender.reset();
            std::string got; // a little at a time, so that the host has to wait
            for (; got.size() + 10'000 < arrived; std::this_thread::yield()) got += reader.recv_exactly(10'000);
            const Client::Rest rest = reader.rest();
            got += rest.bytes;
            EXPECT_TRUE(rest.reset);
            EXPECT_GE(got.size(), arrived);
            EXPECT_TRUE(std::string_view(bytes).starts_with(got));
            const Record closed = host_.wait_for_closed("gateway", peer, log_size);
            EXPECT_EQ(closed["reason"], by_client ? "peer_reset" : "upstream_reset");
            EXPECT_EQ(closed[by_client ? "in" : "out"], std::to_string(got.size()));
        }
    }
}

// A server that refuses an upload: the host finds out when it writes to the server, whose answer is still unread then.
TEST_F(Relay, ARefusalIsDeliveredWhileTheUploadGoesOn) {
    const std::string bytes = random_bytes(48 << 20, 7);
    for (int i = 0; i < 10; ++i) {
        auto [client, server] = connect();
        std::thread upload([&, &sender = client] {
            try {
                sender.send(bytes);
            } catch (const std::system_error&) { // the server takes no more
            }
        });
        EXPECT_EQ(server.recv_exactly(5), bytes.substr(0, 5));
        server.send("413 too large");
        eventually("the answer has arrived", [&, &from = server] { return on_the_way(from) == 0; });
        server.close(); // with unread input
        upload.join();
        EXPECT_EQ(client.rest().bytes, "413 too large");
    }
    host_.wait_for_status("gateway", "all have ended", [](const Record& now) { return now["open"] == "0"; });
}

// The host reads from the client before it has an entry for it in an epoll set, and is told of the reset by that read alone.
TEST(RelayOfAClientThatHasGone, IsAResetAndNoEnd) {
    Server upstream("127.0.0.1:0", 0);
    const Client other(upstream.address()); // has the only place of the queue, so that the plugin has to wait
    Gatehouse host(instance("forward", "forward", "server = \"" + upstream.address() + "\""),
                   GatehouseOptions{.plugin_path = {sample_dir()}}); // it waits in connect(), and does not hear the client
    Client client(host.port("forward"));
    host.wait_for_status("forward", "it connects", [](const Record& now) { return now["threads_blocked"] == "1"; });
    client.reset();
    upstream.accept();
    const Client::Rest rest = upstream.accept().rest();
    EXPECT_TRUE(rest.bytes.empty() || rest.bytes.starts_with("client ")) << rest.bytes; // which the plugin says first
    EXPECT_TRUE(rest.reset);
    EXPECT_EQ(host.wait_for_closed("forward")["reason"], "peer_reset");
}

} // namespace
