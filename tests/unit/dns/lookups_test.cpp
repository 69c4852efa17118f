// Names for connections that do not wait: one question for all who ask at the same time, and an answer that is kept.
#include "dns/lookups.hpp"

#include "dns_server.hpp"
#include "eventually.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

class LookupsTest : public testing::Test {
  protected:
    ~LookupsTest() override { background_.end(); }
    void find(const std::string& text) {
        std::string error;
        const auto address = parse_address(text, error);
        ASSERT_TRUE(address) << error;
        ASSERT_TRUE(
            lookups_.find(*address, [this](Lookup status, const std::string& why, const std::vector<SocketAddress>& all) {
                const std::lock_guard lock(mutex_);
                std::string line = status == Lookup::found ? "" : why;
                for (const SocketAddress& one : all) line += (line.empty() ? "" : " ") + to_string(one);
                answers_.push_back(line);
            }));
    }
    std::vector<std::string> wait_for(std::size_t count) {
        EXPECT_TRUE(eventually([&] {
            const std::lock_guard lock(mutex_);
            return answers_.size() >= count;
        }));
        const std::lock_guard lock(mutex_);
        return answers_;
    }

    std::atomic<int> questions_{0};
    DnsServer server_{[this](const DnsQuestion& question) -> std::optional<std::string> {
        ++questions_;
        if (question.name != "db.test") return dns_reply(question, "", 0, 3);
        return question.type == dns_a ? dns_reply(question, dns_address("192.0.2.7"), 1) : dns_reply(question);
    }};
    Background background_{Scheduling::other};
    Resolver resolver_;
    Lookups lookups_{background_, resolver_, {server_.address()}};
    std::mutex mutex_;
    std::vector<std::string> answers_;
};

TEST_F(LookupsTest, ThoseWhoAskAtTheSameTimeShareTheAnswer) {
    for (int i = 0; i < 50; ++i) find("db.test:80");
    for (const std::string& answer : wait_for(50)) EXPECT_EQ(answer, "192.0.2.7:80");
    EXPECT_LE(questions_.load(), 4); // of both families, twice at most
    std::string error;
    EXPECT_EQ(resolver_.known(*parse_address("db.test:80", error)).size(), 1U); // it is kept
    EXPECT_TRUE(resolver_.known(*parse_address("db.test:81", error)).empty());
}

TEST_F(LookupsTest, ANameThatDoesNotExistIsSaid) {
    find("none.test:80");
    EXPECT_EQ(wait_for(1)[0], "cannot resolve none.test: there is no such name");
    find("none.test:80"); // is asked for anew
    EXPECT_EQ(wait_for(2)[1], "cannot resolve none.test: there is no such name");
}

} // namespace
} // namespace gatehouse::host
