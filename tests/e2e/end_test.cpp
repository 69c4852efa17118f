// Connections that a plugin ends from outside of serve(), in each of their states.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <vector>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

class End : public testing::Test {
  protected:
    End() {
        host_.emplace("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" +
                          instance("fix", "ender", "upstream = \"" + upstream_.address() + "\"",
                                   "linger_timeout = \"100ms\"\nthreads.max = 4"),
                      with_fixtures());
    }
    std::string ask_for(std::vector<std::string> words) {
        words.insert(words.begin(), "fix");
        const Result result = ask(*host_, std::move(words));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }
    bool end(const std::string& id, const std::string& how) {
        return ask_for({"end", id, how}).find("yes") != std::string::npos;
    }
    // A client whose connection rests, or is in serve(); and its id.
    std::pair<Client, std::string> client(std::string_view what) {
        Client client(host_->port("fix"));
        client.send(what);
        const std::string line = client.recv_until("\n");
        return {std::move(client), line.substr(3, line.size() - 4)};
    }
    std::string reason(const Client& client) {
        return std::string(host_->wait_for_closed("fix", client.local_address())["reason"]);
    }

    Server upstream_;
    std::optional<Gatehouse> host_;
};

TEST_F(End, OneThatRests) {
    auto [closed, closed_id] = client("park");
    EXPECT_TRUE(end(closed_id, "close"));
    EXPECT_FALSE(closed.rest().reset);
    const std::string address = closed.local_address();
    closed.close();
    EXPECT_EQ(host_->wait_for_closed("fix", address)["reason"], "ended");
    EXPECT_FALSE(end(closed_id, "reset")); // it is not there any more
    auto [cut, cut_id] = client("park");
    EXPECT_TRUE(end(cut_id, "reset"));
    EXPECT_TRUE(cut.rest().reset);
    EXPECT_EQ(reason(cut), "ended");
}

TEST_F(End, OneThatIsToldToStopHasTime) {
    auto [one, id] = client("park");
    EXPECT_TRUE(end(id, "stop"));
    EXPECT_EQ(one.recv_until("\n"), "stopping\n");
    one.send("more");
    EXPECT_EQ(one.recv_until("\n"), "id " + id + "\n"); // it goes on
    EXPECT_TRUE(one.ends());                            // until its time is over
    EXPECT_EQ(reason(one), "ended");
}

TEST_F(End, AThreadThatWaitsForTheClientGoesOn) {
    auto [closed, closed_id] = client("block");
    host_->wait_for_status("fix", "it waits", [](const Record& now) { return now["threads_blocked"] == "1"; });
    EXPECT_TRUE(end(closed_id, "close"));
    EXPECT_EQ(closed.recv_until_eof(), "last words\n");
    auto [cut, cut_id] = client("block");
    host_->wait_for_status("fix", "it waits", [](const Record& now) { return now["threads_blocked"] == "1"; });
    EXPECT_TRUE(end(cut_id, "reset"));
    EXPECT_TRUE(cut.ends());
    EXPECT_EQ(reason(cut), "ended");
}

TEST_F(End, OneThatIsRelayed) {
    Client client(host_->port("fix"));
    client.send("relay");
    Client server = upstream_.accept();
    server.send("x");
    EXPECT_EQ(client.recv_exactly(1), "x");
    const std::string ids = ask_for({"ids", "--json"});
    const std::size_t at = ids.find("\"id\": \"") + 7;
    const std::string id = ids.substr(at, ids.find('"', at) - at);
    EXPECT_TRUE(end(id, "stop"));
    EXPECT_FALSE(client.readable(150ms)); // it has some time
    EXPECT_TRUE(client.rest().reset);
    EXPECT_TRUE(server.rest().reset);
    EXPECT_EQ(reason(client), "ended");
}

TEST_F(End, OutputThatIsLeftIsDeliveredByACloseAndNotByAReset) {
    Client slow(host_->port("fix"));
    limit_receive_buffer(slow.fd());
    slow.send("large");
    host_->wait_for_status("fix", "it rests", [](const Record& now) { return now["parked"] == "1"; });
    const std::string ids = ask_for({"ids", "--json"});
    const std::size_t at = ids.find("\"id\": \"") + 7;
    const std::string id = ids.substr(at, ids.find('"', at) - at);
    EXPECT_TRUE(end(id, "close"));
    EXPECT_EQ(slow.recv_until_eof(), std::string(200'000, 'x') + std::string(60'000, 'y'));
    slow.close();
    EXPECT_EQ(host_->wait_for_closed("fix")["reason"], "ended");
}

TEST_F(End, AllOfThemAreListed) {
    std::vector<Client> clients;
    std::vector<std::string> all;
    for (int i = 0; i < 5; ++i) {
        auto [one, id] = client("park");
        clients.push_back(std::move(one));
        all.push_back(id);
    }
    const std::string ids = ask_for({"ids"});
    for (const std::string& id : all) EXPECT_NE(ids.find(id), std::string::npos) << ids;
    for (const std::string& id : all) EXPECT_TRUE(end(id, "reset"));
    for (Client& one : clients) EXPECT_TRUE(one.ends());
    host_->wait_for_status("fix", "all have gone", [](const Record& now) { return now["open"] == "0"; });
}

} // namespace
