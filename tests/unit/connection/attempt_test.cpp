// Connections that are made step by step, without a service behind them.
#include "connection/attempt.hpp"

#include "sockets.hpp"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds second = 1'000'000'000;

SocketAddress loopback_address(std::uint16_t port) {
    SocketAddress address;
    Loopback loopback(port);
    address.size = loopback.size;
    std::memcpy(&address.storage, &loopback.address, loopback.size);
    return address;
}

class AttemptTest : public testing::Test {
  protected:
    ~AttemptTest() override {
        if (channel_.fd >= 0) ::close(channel_.fd);
    }
    AttemptPlan plan_for(std::initializer_list<std::uint16_t> ports) {
        AttemptPlan plan;
        plan.name = "db:1";
        for (const std::uint16_t port : ports) plan.addresses.push_back(loopback_address(port));
        plan.deadline = monotonic_now() + 10 * second;
        return plan;
    }
    void begin(AttemptPlan plan) { attempt_.emplace(std::move(plan)); }
    // Goes on until it is over.
    gatehouse_status finish() {
        while (!attempt_->step(channel_, monotonic_now())) {
            pollfd item{channel_.fd, attempt_->waits_for(channel_), 0};
            if (::poll(&item, 1, 10'000) != 1) {
                ADD_FAILURE() << "nothing has come";
                break;
            }
        }
        return attempt_->status();
    }

    std::uint16_t port_ = 0;
    const Descriptor listening_ = listen_on_loopback(port_);
    std::uint16_t nobodys_ = 0;
    const Descriptor nobody_ = bind_to_loopback(nobodys_);
    Channel channel_;
    std::optional<Attempt> attempt_;
};

TEST_F(AttemptTest, ConnectsAndSendsWhatComesFirst) {
    AttemptPlan plan = plan_for({port_});
    plan.preface = "PROXY\r\n";
    begin(std::move(plan));
    ASSERT_EQ(finish(), GATEHOUSE_OK);
    const Descriptor server = accept_from(listening_);
    std::string said(7, ' ');
    EXPECT_EQ(::recv(server.get(), said.data(), said.size(), MSG_WAITALL), 7);
    EXPECT_EQ(said, "PROXY\r\n");
    EXPECT_EQ(channel_.bytes_out, 7U);
    EXPECT_EQ(to_string(attempt_->address()), "127.0.0.1:" + std::to_string(port_));
}

TEST_F(AttemptTest, TriesOneAddressAfterTheOther) {
    begin(plan_for({nobodys_, port_}));
    EXPECT_EQ(finish(), GATEHOUSE_OK);
    EXPECT_EQ(attempt_->tried(), 2U);
    channel_ = {};
    begin(plan_for({nobodys_, nobodys_}));
    EXPECT_EQ(finish(), GATEHOUSE_REFUSED);
    EXPECT_EQ(attempt_->text(), "upstream db:1 (127.0.0.1:" + std::to_string(nobodys_) + ": Connection refused)");
    EXPECT_EQ(attempt_->why(), "Connection refused");
    EXPECT_EQ(channel_.fd, -1); // nothing is left open
}

TEST_F(AttemptTest, ComesFromItsSource) {
    AttemptPlan plan = plan_for({port_});
    plan.source = loopback_address(0);
    reinterpret_cast<sockaddr_in&>(plan.source->storage).sin_addr.s_addr = htonl(INADDR_LOOPBACK + 6);
    begin(std::move(plan));
    ASSERT_EQ(finish(), GATEHOUSE_OK);
    Loopback peer;
    const Descriptor server(::accept4(listening_.get(), peer.get(), &peer.size, SOCK_CLOEXEC));
    EXPECT_EQ(ntohl(peer.address.sin_addr.s_addr), INADDR_LOOPBACK + 6);
}

TEST_F(AttemptTest, ItsTimeIsOver) {
    std::uint16_t port = 0;
    const Descriptor full = listen_on_loopback(port, 0);
    const Descriptor only = connect_to_loopback(port);
    begin(plan_for({port}));
    EXPECT_FALSE(attempt_->step(channel_, monotonic_now()));
    EXPECT_EQ(attempt_->waits_for(channel_), POLLOUT);
    EXPECT_TRUE(attempt_->step(channel_, attempt_->deadline()));
    EXPECT_EQ(attempt_->status(), GATEHOUSE_TIMEOUT);
    begin(plan_for({port}));
    EXPECT_FALSE(attempt_->step(channel_, monotonic_now()));
    attempt_->give_up(channel_);
    EXPECT_TRUE(attempt_->over());
    EXPECT_EQ(attempt_->status(), GATEHOUSE_TIMEOUT);
}

TEST_F(AttemptTest, WaitsForItsName) {
    const auto found = std::make_shared<FoundAddresses>();
    AttemptPlan plan = plan_for({});
    plan.lookup = found;
    begin(std::move(plan));
    EXPECT_FALSE(attempt_->step(channel_, monotonic_now()));
    EXPECT_EQ(attempt_->waits_for(channel_), 0);
    found->addresses = {loopback_address(port_)};
    found->known.store(true);
    EXPECT_EQ(finish(), GATEHOUSE_OK);
}

TEST_F(AttemptTest, ANameThatIsNotFoundIsAFailure) {
    const auto found = std::make_shared<FoundAddresses>();
    found->status = GATEHOUSE_NOT_FOUND;
    found->why = "cannot resolve db: there is no such name";
    found->known.store(true);
    AttemptPlan plan = plan_for({});
    plan.lookup = found;
    begin(std::move(plan));
    EXPECT_EQ(finish(), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(attempt_->text(), "upstream db:1: cannot resolve db: there is no such name");
}

TEST_F(AttemptTest, TheAddressesMayBeAllThatIsAskedFor) {
    AttemptPlan plan = plan_for({port_, nobodys_});
    plan.connects = false;
    begin(std::move(plan));
    EXPECT_EQ(finish(), GATEHOUSE_OK);
    EXPECT_EQ(attempt_->addresses().size(), 2U);
    EXPECT_EQ(channel_.fd, -1);
}

} // namespace
} // namespace gatehouse::host
