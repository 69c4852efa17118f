// What is served changes while it is served.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <thread>
#include <vector>

using namespace gatehouse::support;

namespace {

namespace fs = std::filesystem;

std::string request(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"; }

std::size_t length_of(const std::string& head) {
    const std::string_view field = "Content-Length: ";
    return std::stoul(head.substr(head.find(field) + field.size()));
}

// The body of an answer; nothing if its status is another one.
std::optional<std::string> ask(Client& client, std::string_view target) {
    client.send(request(target));
    const std::string head = client.recv_until("\r\n\r\n");
    std::string body = client.recv_exactly(length_of(head));
    return head.starts_with("HTTP/1.1 200") ? std::optional(std::move(body)) : std::nullopt;
}

// Deploys switch a link to another folder, and remove the one before the last. The files are of each kind: kept, copied, and
// sent from the file to the socket.
TEST(HttpChanges, ADeployUnderLoadFailsNobody) {
    const TempDir base;
    const auto release = [&](int number) {
        const fs::path folder = base / ("release" + std::to_string(number));
        fs::create_directory(folder);
        for (const std::size_t size : {100U, 30'000U, 300'000U})
            std::ofstream(folder / std::to_string(size)) << std::string(size, static_cast<char>('a' + number % 26));
        fs::create_symlink(folder.filename(), base / "next");
        fs::rename(base / "next", base / "current");
    };
    release(0);
    Gatehouse host(instance("http", "http", "root = \"" + (base / "current") + "\""));
    std::atomic<bool> stop{false};
    std::atomic<int> answers{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back([&] {
            Client client(host.port("http"));
            while (!stop.load()) {
                for (const std::string target : {"/100", "/30000", "/300000"}) {
                    const std::optional<std::string> body = ask(client, target);
                    ASSERT_TRUE(body) << target;
                    EXPECT_EQ(std::to_string(body->size()), target.substr(1));
                    EXPECT_EQ(body->find_first_not_of(body->front()), body->npos) << "of two releases";
                    ++answers;
                }
            }
        });
    }
    for (int number = 1; number <= 200; ++number) {
        const int before = answers.load();
        release(number);
        if (number > 1) fs::remove_all(base / ("release" + std::to_string(number - 2)));
        eventually("clients go on", [&] { return answers.load() >= before + 4; });
    }
    stop.store(true);
    for (std::thread& client : clients) client.join();
    Client last(host.port("http"));
    EXPECT_EQ(ask(last, "/100"), std::string(100, static_cast<char>('a' + 200 % 26)));
}

// A client has half of a file when something happens to it.
class HttpFile : public testing::Test {
  protected:
    static constexpr std::size_t size = 20'000'000;

    // What arrives after `change`, until the end of the answer or of the connection.
    template <class Change>
    Client::Rest rest_after(Change change) {
        std::ofstream(file_) << std::string(size, 'a');
        Client client(host_.port("http"));
        limit_receive_buffer(client.fd());
        client.send(request("/file") + "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_EQ(length_of(client.recv_until("\r\n\r\n")), size);
        EXPECT_EQ(client.recv_exactly(1'000'000), std::string(1'000'000, 'a'));
        change();
        return client.rest();
    }
    void expect_whole(const Client::Rest& rest) {
        EXPECT_FALSE(rest.reset);
        EXPECT_EQ(rest.bytes.substr(0, size - 1'000'000), std::string(size - 1'000'000, 'a'));
        EXPECT_TRUE(rest.bytes.ends_with("\r\n\r\nnext")) << "the next request is answered, too";
    }

    const TempDir root_;
    const fs::path file_ = root_ / "file";
    const std::string next_ = root_.write("next", "next");
    Gatehouse host_{http_from(root_)};
};

TEST_F(HttpFile, Vanishes) {
    expect_whole(rest_after([&] { fs::remove(file_); }));
}

TEST_F(HttpFile, IsReplaced) {
    expect_whole(rest_after([&] {
        std::ofstream(root_ / "new") << std::string(size, 'b');
        fs::rename(root_ / "new", file_);
    }));
}

TEST_F(HttpFile, Grows) {
    expect_whole(rest_after([&] { std::ofstream(file_, std::ios::app) << std::string(1'000'000, 'b'); }));
}

TEST_F(HttpFile, Shrinks) {
    const Client::Rest rest = rest_after([&] { fs::resize_file(file_, size / 2); });
    EXPECT_TRUE(rest.reset) << "what is cut must not look whole";
    EXPECT_LT(rest.bytes.size(), size - 1'000'000);
    EXPECT_EQ(rest.bytes.find_first_not_of('a'), rest.bytes.npos);
    EXPECT_EQ(host_.wait_for_closed("http")["reason"], "plugin_error");
}

// The length is the one that was promised, whatever the bytes are.
TEST_F(HttpFile, IsWrittenOver) {
    const Client::Rest rest = rest_after([&] {
        std::fstream file(file_, std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(size) / 2);
        file << std::string(size / 2, 'b');
    });
    EXPECT_FALSE(rest.reset);
    EXPECT_TRUE(rest.bytes.ends_with("\r\n\r\nnext"));
    EXPECT_EQ(rest.bytes.substr(0, size - 1'000'000).find_first_not_of("ab"), rest.bytes.npos);
}

} // namespace
