// What plugins may call with a handle of the wrong kind: an upstream's where only a client's has an answer, and the other way
// round. Nothing happens, and the answer says so.
#include "abi/host_table.hpp"

#include "abi/tls.hpp"
#include "abi/upstream.hpp"
#include "connection/connection.hpp"
#include "sockets.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr gatehouse_str somewhere{"127.0.0.1:1", 11};

class WrongHandle : public ::testing::Test {
  protected:
    WrongHandle() {
        Ends ends = unix_ends();
        upstream_.emplace(drain_, SocketAddress(), ends.near.release());
        client_.is_client = true; // as Connection::open() says it
        peer_ = std::move(ends.far);
    }

    Drain drain_;
    std::optional<Upstream> upstream_;
    Descriptor peer_;
    Connection client_{1};
};

TEST_F(WrongHandle, AnUpstreamHasNoEventIdOrState) {
    EXPECT_EQ(host_table.event(&*upstream_), GATEHOUSE_INVALID);
    EXPECT_EQ(host_table.id(&*upstream_), 0U);
    int something = 0;
    EXPECT_EQ(host_table.set_state(&*upstream_, &something), GATEHOUSE_INVALID);
    EXPECT_EQ(host_table.state(&*upstream_), nullptr);
}

TEST_F(WrongHandle, OnlyAClientHasAUser) {
    EXPECT_EQ(host_table.set_fact(&*upstream_, GATEHOUSE_FACT_USER, {"ann", 3}), GATEHOUSE_INVALID);
    EXPECT_EQ(host_table.set_fact(&client_, GATEHOUSE_FACT_PEER, {"ann", 3}), GATEHOUSE_INVALID);
    const std::string long_name(256, 'a');
    EXPECT_EQ(host_table.set_fact(&client_, GATEHOUSE_FACT_USER, {long_name.data(), 256}), GATEHOUSE_INVALID);
    gatehouse_str user{};
    EXPECT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_USER, &user), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(host_table.set_fact(&client_, GATEHOUSE_FACT_USER, {long_name.data(), 255}), GATEHOUSE_OK);
    EXPECT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_USER, &user), GATEHOUSE_OK);
    EXPECT_EQ(std::string_view(user.data, user.size), long_name.substr(1));
    EXPECT_EQ(host_table.set_fact(&client_, GATEHOUSE_FACT_USER, {nullptr, 0}), GATEHOUSE_OK);
    EXPECT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_USER, &user), GATEHOUSE_NOT_FOUND);
}

TEST_F(WrongHandle, AUnixSocketsClientHasCredentials) {
    gatehouse_str bytes{};
    client_.fd = peer_.get();
    ASSERT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_CREDENTIALS, &bytes), GATEHOUSE_OK);
    gatehouse_credentials who{};
    ASSERT_EQ(bytes.size, sizeof who);
    std::memcpy(&who, bytes.data, sizeof who);
    EXPECT_EQ(who.size, sizeof who);
    EXPECT_EQ(who.pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(who.uid, ::geteuid());
    EXPECT_EQ(who.gid, ::getegid());
    EXPECT_EQ(host_table.fact(&*upstream_, GATEHOUSE_FACT_CREDENTIALS, &bytes), GATEHOUSE_NOT_FOUND);
}

TEST_F(WrongHandle, AddressesAreFactsAsBytes) {
    const Ends tcp = tcp_ends();
    client_.fd = tcp.far.get();
    SocketAddress address;
    address.size = sizeof address.storage;
    ASSERT_EQ(::getpeername(client_.fd, address.get(), &address.size), 0);
    client_.life.peer = Peer(address);
    gatehouse_str bytes{};
    ASSERT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_PEER_SOCKADDR, &bytes), GATEHOUSE_OK);
    ASSERT_EQ(bytes.size, sizeof(sockaddr_in));
    EXPECT_EQ(std::memcmp(bytes.data, &address.storage, bytes.size), 0);
    ASSERT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_LOCAL_SOCKADDR, &bytes), GATEHOUSE_OK);
    EXPECT_EQ(reinterpret_cast<const sockaddr*>(bytes.data)->sa_family, AF_INET);
    EXPECT_EQ(host_table.fact(&client_, GATEHOUSE_FACT_CREDENTIALS, &bytes), GATEHOUSE_NOT_FOUND);
}

TEST_F(WrongHandle, AnUpstreamCannotConnectResolveOrRelay) {
    gatehouse_conn* connected = nullptr;
    gatehouse_connect_request request{};
    request.size = sizeof request;
    request.address = somewhere;
    for (const auto connect : {upstream_table.connect, upstream_table.connect_now}) {
        EXPECT_EQ(connect(&*upstream_, &request, &connected), GATEHOUSE_INVALID);
        EXPECT_EQ(connect(&client_, nullptr, &connected), GATEHOUSE_INVALID);
        EXPECT_EQ(connected, nullptr);
    }
    const auto found = [](void*, gatehouse_str) noexcept { ADD_FAILURE() << "resolved"; };
    EXPECT_EQ(upstream_table.resolve(&*upstream_, somewhere, 100, found, nullptr), GATEHOUSE_INVALID);
    auto other = std::make_unique<Upstream>(drain_, SocketAddress(), -1);
    EXPECT_EQ(upstream_table.relay(&*upstream_, other.get(), 0), GATEHOUSE_INVALID); // so it is still the caller's
}

TEST_F(WrongHandle, OnlyTheUpstreamsOfAClientAreWatched) {
    EXPECT_EQ(host_table.watch(&client_, &client_, GATEHOUSE_WRITABLE), GATEHOUSE_OK);
    EXPECT_EQ(host_table.watch(&client_, &client_, 4), GATEHOUSE_INVALID);
    EXPECT_EQ(host_table.watch(&client_, &*upstream_, GATEHOUSE_READABLE), GATEHOUSE_INVALID); // of nobody
    EXPECT_EQ(host_table.watch(&*upstream_, &*upstream_, GATEHOUSE_READABLE), GATEHOUSE_INVALID);
    EXPECT_EQ(host_table.watch(&client_, nullptr, GATEHOUSE_READABLE), GATEHOUSE_INVALID);
    gatehouse_news news{};
    EXPECT_EQ(host_table.news(&*upstream_, &news, 1, sizeof news), 0U);
    client_.found = GATEHOUSE_WRITABLE;
    EXPECT_EQ(host_table.news(&client_, &news, 1, sizeof news), 1U);
    EXPECT_EQ(news.stream, &client_);
    EXPECT_EQ(host_table.news(&client_, &news, 0, sizeof news), 1U);
    EXPECT_EQ(host_table.news(&client_, &news, 1, sizeof news - 1), 0U); // it would be written beyond
}

TEST_F(WrongHandle, NothingHasComeOfWhatWasNotBegun) {
    gatehouse_str why{};
    EXPECT_EQ(upstream_table.outcome(&client_, &*upstream_, &why), GATEHOUSE_INVALID);
    EXPECT_EQ(upstream_table.outcome(&client_, &client_, &why), GATEHOUSE_INVALID);
    EXPECT_EQ(upstream_table.outcome(&client_, nullptr, &why), GATEHOUSE_INVALID);
}

TEST_F(WrongHandle, OnlyAClientThatHearsMoreShakesHands) {
    const gatehouse_tls_server server{nullptr};
    static_cast<Stream&>(client_) = Stream(drain_);
    client_.is_client = true;
    Ends ends = unix_ends();
    client_.fd = ends.near.get();
    const std::string much(200'000, 'x'); // some of which the kernel does not take
    const gatehouse_bytes part{much.data(), much.size()};
    std::uint64_t left = 0;
    while (left == 0) ASSERT_EQ(client_.send({&part, 1}, -1, 0, 0, left), GATEHOUSE_OK);
    EXPECT_EQ(client_.finish(), GATEHOUSE_OK); // behind what is left
    for (const auto accept_tls : {tls_table.accept_tls, tls_table.accept_tls_now}) {
        EXPECT_EQ(accept_tls(&client_, &server, 0), GATEHOUSE_INVALID);
        EXPECT_EQ(accept_tls(&client_, nullptr, 0), GATEHOUSE_INVALID);
        EXPECT_EQ(accept_tls(&*upstream_, &server, 0), GATEHOUSE_INVALID);
    }
    EXPECT_FALSE(client_.pending);
    gatehouse_str why{};
    EXPECT_EQ(tls_table.outcome(&client_, &why), GATEHOUSE_INVALID);
    EXPECT_EQ(tls_table.outcome(&*upstream_, &why), GATEHOUSE_INVALID);
    client_.drop_output();
}

TEST_F(WrongHandle, AClientIsNoUpstream) {
    EXPECT_EQ(upstream_table.relay(&client_, &client_, 0), GATEHOUSE_INVALID);
    EXPECT_EQ(upstream_table.relay(&client_, nullptr, 0), GATEHOUSE_INVALID);
    EXPECT_EQ(client_.life.serving.upstream, nullptr);
    upstream_table.close(&client_); // is not destroyed
    upstream_table.close(nullptr);
}

TEST_F(WrongHandle, OneUpstreamMayBeNamedTwice) {
    auto* other = new Upstream(drain_, SocketAddress(), -1); // relay() takes it over
    EXPECT_EQ(upstream_table.relay(&client_, other, 0), GATEHOUSE_OK);
    EXPECT_EQ(upstream_table.relay(&client_, other, 0), GATEHOUSE_OK);
    EXPECT_EQ(client_.life.serving.upstream.get(), other);
}

} // namespace
} // namespace gatehouse::host
