#include "abi/health_check.hpp"

#include "eventually.hpp"
#include "plugin/test_facilities.hpp"
#include "plugin/text.hpp"
#include "sockets.hpp"
#include "threads/background.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace gatehouse::host {
namespace {

using namespace std::chrono_literals;

// A listening socket whose connections the test treats as it likes, by hand or by a thread.
class Server {
  public:
    explicit Server(int backlog = 64) {
        std::uint16_t port = 0;
        socket_ = backlog < 0 ? bind_to_loopback(port) : listen_on_loopback(port, backlog);
        address_ = "127.0.0.1:" + std::to_string(port);
    }
    ~Server() {
        stop_.store(true);
        if (thread_.joinable()) thread_.join();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    const std::string& address() const { return address_; }

    Descriptor accept() {
        pollfd waiting{socket_.get(), POLLIN, 0};
        ::poll(&waiting, 1, 30'000);
        return accept_from(socket_);
    }
    // From now on each connection is given to this function.
    void serve(std::function<void(int fd)> with) {
        thread_ = std::thread([this, with = std::move(with)] {
            while (!stop_.load()) {
                pollfd waiting{socket_.get(), POLLIN, 0};
                if (::poll(&waiting, 1, 5) != 1) continue;
                const Descriptor client = accept_from(socket_);
                if (client) with(client.get());
                accepted.fetch_add(1);
            }
        });
    }
    std::atomic<int> accepted{0};

  private:
    Descriptor socket_;
    std::string address_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

void say(int fd, std::string_view text) { ::send(fd, text.data(), text.size(), MSG_NOSIGNAL); }

std::string read_until(int fd, std::string_view end) {
    std::string text;
    char c = 0;
    while (!text.ends_with(end) && ::recv(fd, &c, 1, 0) == 1) text += c;
    return text;
}

struct Verdict {
    gatehouse_status status;
    std::string why;
    bool operator==(const Verdict&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Verdict& verdict) { return out << verdict.status << " " << verdict.why; }

// A check and what it has said.
class Checked {
  public:
    using Judge = std::function<gatehouse_match(std::string_view, bool)>;

    Checked(gatehouse_instance& instance, const std::string& address, Judge judge = {}, std::string send = "",
            std::chrono::milliseconds timeout = 20s, std::chrono::milliseconds interval = 10ms)
        : judge_(std::move(judge)), send_(std::move(send)) {
        gatehouse_check_request request{};
        request.size = sizeof request;
        request.address = str(address);
        request.send = str(send_);
        request.interval_milliseconds = static_cast<std::uint64_t>(interval.count());
        request.timeout_milliseconds = static_cast<std::uint64_t>(timeout.count());
        request.data = this;
        if (judge_)
            request.judge = [](void* data, const void* bytes, std::size_t size, std::int32_t at_end) noexcept {
                return static_cast<Checked*>(data)->judge_({static_cast<const char*>(bytes), size}, at_end != 0);
            };
        request.result = [](void* data, gatehouse_status status, gatehouse_str why) noexcept {
            auto& self = *static_cast<Checked*>(data);
            const std::lock_guard lock(self.mutex_);
            self.verdicts_.push_back({status, std::string(why.data, why.size)});
            self.more_.notify_all();
        };
        EXPECT_EQ(health_check_table.start(&instance, &request, &check_), GATEHOUSE_OK);
    }
    ~Checked() { stop(); }
    Checked(const Checked&) = delete;
    Checked& operator=(const Checked&) = delete;

    void stop() {
        if (check_ != nullptr) health_check_table.stop(std::exchange(check_, nullptr));
    }

    Verdict verdict(std::size_t index = 0) {
        std::unique_lock lock(mutex_);
        const bool there =
            more_.wait_until(lock, std::chrono::system_clock::now() + 30s, [&] { return verdicts_.size() > index; });
        return there ? verdicts_[index] : Verdict{1, "nothing"};
    }
    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return verdicts_.size();
    }

  private:
    Judge judge_;
    std::string send_;
    gatehouse_check* check_ = nullptr;
    std::mutex mutex_;
    std::condition_variable more_;
    std::vector<Verdict> verdicts_; // guarded by mutex_
};

gatehouse_match starts_with_200(std::string_view answer, bool) {
    constexpr std::string_view wanted = "HTTP/1.1 200";
    if (!wanted.starts_with(answer.substr(0, wanted.size()))) return GATEHOUSE_MATCH_NO;
    return answer.size() < wanted.size() ? GATEHOUSE_MATCH_MORE : GATEHOUSE_MATCH_YES;
}

class HealthCheckTest : public ::testing::Test {
  protected:
    gatehouse_status start(const std::function<void(gatehouse_check_request&)>& change) {
        gatehouse_check_request request{};
        request.size = sizeof request;
        request.address = str("127.0.0.1:9");
        request.interval_milliseconds = 1000;
        request.timeout_milliseconds = 1000;
        request.first_milliseconds = 60'000;
        request.result = [](void*, gatehouse_status, gatehouse_str) noexcept {};
        change(request);
        gatehouse_check* check = nullptr;
        instance_.error.take();
        const gatehouse_status status = health_check_table.start(&instance_, &request, &check);
        if (status == GATEHOUSE_OK) health_check_table.stop(check);
        return status;
    }

    TestFacilities host_;
    gatehouse_instance& instance_ = host_.instance;
    Background& background_ = host_.background;
};

// --- requests -------------------------------------------------------------------------------------------------------------

TEST_F(HealthCheckTest, RefusesWhatIsNoRequest) {
    const auto refused = [&](const std::function<void(gatehouse_check_request&)>& change) {
        EXPECT_EQ(start(change), GATEHOUSE_INVALID);
        return instance_.error.take();
    };
    EXPECT_EQ(
        refused([](auto& request) { request.address = str("db.example:80"); }),
        R"(health check of db.example:80: "db.example:80" is nowhere to connect to (expected "192.0.2.1:80", "[IPv6]:80" or "unix:/path"))");
    EXPECT_TRUE(refused([](auto& request) {
                    request.address = str("127.0.0.1");
                }).starts_with(R"(health check of 127.0.0.1: "127.0.0.1" has no port)"));
    for (const char* nowhere : {"*:80", ":80", "127.0.0.1:0", "fd:web", "[::1]:0"})
        EXPECT_NE(refused([&](auto& request) { request.address = str(nowhere); }).find(" is nowhere to connect to"),
                  std::string::npos);
    const std::string much(64 * 1024 + 1, 'x');
    EXPECT_EQ(refused([&](auto& request) { request.send = str(much); }),
              "health check of 127.0.0.1:9: more than 64 KiB to send");
    EXPECT_EQ(refused([](auto& request) { request.interval_milliseconds = 9; }),
              "health check of 127.0.0.1:9: the interval is shorter than 10 ms");
    EXPECT_EQ(refused([](auto& request) { request.timeout_milliseconds = 0; }),
              "health check of 127.0.0.1:9: the timeout is 0");
    EXPECT_EQ(refused([](auto& request) { request.jitter_milliseconds = 1001; }),
              "health check of 127.0.0.1:9: the jitter is longer than the interval");
    for (auto time : {&gatehouse_check_request::first_milliseconds, &gatehouse_check_request::interval_milliseconds,
                      &gatehouse_check_request::timeout_milliseconds})
        EXPECT_EQ(refused([&](auto& request) { request.*time = ~std::uint64_t{0}; }),
                  "health check of 127.0.0.1:9: a time of more than a day");
    EXPECT_EQ(refused([&](auto& request) { request.preface = str(much); }),
              "health check of 127.0.0.1:9: more than 64 KiB to send");
    EXPECT_EQ(refused([](auto& request) { request.flags = 2; }),
              "health check of 127.0.0.1:9: a flag that this host does not know");
    EXPECT_EQ(refused([](auto& request) { request.result = nullptr; }), "health check of 127.0.0.1:9: there is no result()");
    EXPECT_EQ(start([](auto&) {}), GATEHOUSE_OK);
}

TEST_F(HealthCheckTest, TooManyAreRefused) {
    std::vector<gatehouse_check*> checks;
    gatehouse_check_request request{};
    request.size = sizeof request;
    request.address = str("127.0.0.1:9");
    request.first_milliseconds = request.interval_milliseconds = request.timeout_milliseconds = 60'000;
    request.result = [](void*, gatehouse_status, gatehouse_str) noexcept {};
    gatehouse_check* check = nullptr;
    while (health_check_table.start(&instance_, &request, &check) == GATEHOUSE_OK) checks.push_back(check);
    EXPECT_EQ(checks.size(), Background::most_activities);
    EXPECT_EQ(instance_.error.take(), "health check of 127.0.0.1:9: no memory or thread for it, or too many of them");
    for (gatehouse_check* each : checks) health_check_table.stop(each);
}

// --- verdicts -------------------------------------------------------------------------------------------------------------

TEST_F(HealthCheckTest, ConnectingIsEnoughWithoutAJudge) {
    Server server;
    server.serve([](int) {});
    Checked check(instance_, server.address());
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(check.verdict(i), (Verdict{GATEHOUSE_OK, ""}));
}

// Neither side keeps the connection in TIME_WAIT: the server sees a reset.
TEST_F(HealthCheckTest, EndsItsConnectionsWithAReset) {
    Server server;
    Checked check(instance_, server.address(), {}, "", 20s, 60s);
    EXPECT_EQ(check.verdict(), (Verdict{GATEHOUSE_OK, ""}));
    const Descriptor client = server.accept();
    char byte = 0;
    EXPECT_EQ(::recv(client.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(HealthCheckTest, UnixSocketsToo) {
    const std::string path = std::filesystem::temp_directory_path() / ("gatehouse-check-" + std::to_string(::getpid()));
    std::string error;
    const auto address = numeric_address(*parse_address("unix:" + path, error));
    Checked missing(instance_, "unix:" + path + ".none");
    EXPECT_EQ(missing.verdict(), (Verdict{GATEHOUSE_REFUSED, "No such file or directory"}));
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket.get(), address->get(), address->size), 0);
    ASSERT_EQ(::listen(socket.get(), 0), 0);
    Checked check(instance_, "unix:" + path);
    EXPECT_EQ(check.verdict(0), (Verdict{GATEHOUSE_OK, ""}));
    // The test never accepts, so the queue is full after one.
    EXPECT_EQ(check.verdict(1), (Verdict{GATEHOUSE_REFUSED, "its accept queue is full"}));
    std::filesystem::remove(path);
}

TEST_F(HealthCheckTest, AServerThatDoesNotListen) {
    const Server deaf(-1);
    Checked check(instance_, deaf.address());
    EXPECT_EQ(check.verdict(0), (Verdict{GATEHOUSE_REFUSED, "Connection refused"}));
    EXPECT_EQ(check.verdict(1), (Verdict{GATEHOUSE_REFUSED, "Connection refused"}));
}

TEST_F(HealthCheckTest, AsksAndJudges) {
    Server server;
    server.serve([](int fd) {
        const std::string question = read_until(fd, "\r\n\r\n");
        say(fd, question == "GET / HTTP/1.1\r\n\r\n" ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 400 What\r\n\r\n");
    });
    Checked good(instance_, server.address(), starts_with_200, "GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(good.verdict(0), (Verdict{GATEHOUSE_OK, ""}));
    EXPECT_EQ(good.verdict(1), (Verdict{GATEHOUSE_OK, ""}));
    Checked bad(instance_, server.address(), starts_with_200, "PUT / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(bad.verdict(), (Verdict{GATEHOUSE_INVALID, R"(the answer is wrong: "HTTP/1.1 400 What\x0d\x0a\x0d\x0a")"}));
}

TEST_F(HealthCheckTest, AnAnswerThatComesByteByByteIsJudgedAtEach) {
    std::atomic<std::size_t> judged{0}; // outlives the server's thread
    Server server;
    server.serve([&](int fd) {
        const std::string answer = "HTTP/1.1 200";
        for (std::size_t i = 0; i < answer.size(); ++i) {
            say(fd, answer.substr(i, 1));
            eventually([&] { return judged.load() >= i + 1; });
        }
        read_until(fd, "never");
    });
    Checked check(
        instance_, server.address(),
        [&](std::string_view answer, bool at_end) {
            judged.store(answer.size());
            return starts_with_200(answer, at_end);
        },
        "", 20s, 60s);
    EXPECT_EQ(check.verdict(), (Verdict{GATEHOUSE_OK, ""}));
    EXPECT_EQ(judged.load(), 12U);
}

TEST_F(HealthCheckTest, AnswersThatEndTooEarly) {
    Server silent;
    silent.serve([](int) {});
    Checked first(instance_, silent.address(), starts_with_200);
    EXPECT_EQ(first.verdict(), (Verdict{GATEHOUSE_END, "closed without an answer"}));

    Server half;
    half.serve([](int fd) { say(fd, "HTTP/1"); });
    Checked second(instance_, half.address(), starts_with_200);
    EXPECT_EQ(second.verdict(), (Verdict{GATEHOUSE_END, R"(closed in the middle of the answer: "HTTP/1")"}));
    // With a judge that makes something of the end.
    Checked third(instance_, half.address(),
                  [](std::string_view, bool at_end) { return at_end ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_MORE; });
    EXPECT_EQ(third.verdict(), (Verdict{GATEHOUSE_OK, ""}));
}

TEST_F(HealthCheckTest, AResetIsSaid) {
    Server server;
    server.serve([](int fd) {
        const linger hard{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    });
    Checked check(instance_, server.address(), starts_with_200);
    EXPECT_EQ(check.verdict(), (Verdict{GATEHOUSE_RESET, "Connection reset by peer"}));
}

TEST_F(HealthCheckTest, AnAnswerBeforeTheQuestionIsTakenCounts) {
    Server server;
    server.serve([](int fd) {
        say(fd, "HTTP/1.1 200 OK");
        ::shutdown(fd, SHUT_RDWR);
    });
    Checked check(instance_, server.address(), starts_with_200, std::string(64 * 1024, 'x'));
    const Verdict verdict = check.verdict();
    // The reset for what has not been read may overtake the answer; that is the server's doing.
    EXPECT_TRUE(verdict.status == GATEHOUSE_OK || verdict.status == GATEHOUSE_RESET) << verdict;
}

TEST_F(HealthCheckTest, AnAnswerWithoutEndIsWrong) {
    Server server;
    server.serve([](int fd) {
        const std::string much(100'000, 'x');
        say(fd, much);
    });
    Checked check(instance_, server.address(), [](std::string_view answer, bool) {
        EXPECT_LE(answer.size(), 64U * 1024);
        return GATEHOUSE_MATCH_MORE;
    });
    EXPECT_EQ(check.verdict(),
              (Verdict{GATEHOUSE_INVALID, "the answer is longer than 64 KiB: \"" + std::string(64, 'x') + "...\""}));
}

TEST_F(HealthCheckTest, TimeoutsSayHowFarItGot) {
    Server server;
    Checked silent(instance_, server.address(), starts_with_200, "", 50ms);
    EXPECT_EQ(silent.verdict(), (Verdict{GATEHOUSE_TIMEOUT, "no answer within 50 ms"}));

    Server slow;
    slow.serve([](int fd) {
        say(fd, "HTTP");
        read_until(fd, "never");
    });
    Checked half(instance_, slow.address(), starts_with_200, "", 50ms);
    std::size_t times = 0; // on a busy machine not even half of it comes in time, at first
    while (half.verdict(times).why == "no answer within 50 ms") ++times;
    EXPECT_EQ(half.verdict(times), (Verdict{GATEHOUSE_TIMEOUT, "no complete answer within 50 ms"}));

    // With a full accept queue the kernel does not answer.
    Server full(0);
    const Server* const target = &full;
    std::vector<Descriptor> queue;
    for (int i = 0; i < 4; ++i) {
        std::string error;
        const auto address = numeric_address(*parse_address(target->address(), error));
        queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        EXPECT_TRUE(::connect(queue.back().get(), address->get(), address->size) == 0 || errno == EINPROGRESS);
    }
    Checked unconnected(instance_, full.address(), {}, "", 50ms);
    EXPECT_EQ(unconnected.verdict(), (Verdict{GATEHOUSE_TIMEOUT, "no connection within 50 ms"}));
}

TEST_F(HealthCheckTest, OutOfDescriptorsIsTheHostsAffair) {
    Server server;
    server.serve([](int) {});
    Checked check(instance_, server.address(), {}, "", 20s, 20ms);
    ASSERT_EQ(check.verdict(), (Verdict{GATEHOUSE_OK, ""}));
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    const rlimit none{3, old.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const std::size_t before = check.count();
    const Verdict verdict = check.verdict(before + 2);
    ::setrlimit(RLIMIT_NOFILE, &old);
    EXPECT_EQ(verdict, (Verdict{GATEHOUSE_EXHAUSTED, "Too many open files"}));
    const std::size_t later = check.count();
    EXPECT_EQ(check.verdict(later + 2), (Verdict{GATEHOUSE_OK, ""})) << "it recovers by itself";
}

// --- dialogues, and how they end ------------------------------------------------------------------------------------------

// A check with several turns: what each answer has to end with, and what is sent after it.
class Dialogue {
  public:
    Dialogue(gatehouse_instance& instance, const std::string& address, std::vector<std::pair<std::string, std::string>> turns,
             std::uint32_t flags = 0, std::string preface = "")
        : turns_(std::move(turns)), preface_(std::move(preface)) {
        gatehouse_check_request request{};
        request.size = sizeof request;
        request.flags = flags;
        request.address = str(address);
        request.preface = str(preface_);
        request.interval_milliseconds = 60'000;
        request.timeout_milliseconds = 20'000;
        request.data = this;
        request.judge = [](void* data, const void* bytes, std::size_t size, std::int32_t) noexcept -> gatehouse_match {
            auto& self = *static_cast<Dialogue*>(data);
            const std::string_view answer(static_cast<const char*>(bytes), size);
            return answer.ends_with(self.turns_[self.turn_].first) ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_MORE;
        };
        request.next = [](void* data, gatehouse_str* send) noexcept -> std::int32_t {
            auto& self = *static_cast<Dialogue*>(data);
            *send = str(self.turns_[self.turn_].second);
            return send->size == 0 ? 0 : (++self.turn_, 1);
        };
        request.result = [](void* data, gatehouse_status status, gatehouse_str why) noexcept {
            auto& self = *static_cast<Dialogue*>(data);
            self.why_ = std::to_string(status) + std::string(why.data, why.size);
            self.over_.store(true);
        };
        EXPECT_EQ(health_check_table.start(&instance, &request, &check_), GATEHOUSE_OK);
    }
    ~Dialogue() { health_check_table.stop(check_); }
    Dialogue(const Dialogue&) = delete;
    Dialogue& operator=(const Dialogue&) = delete;

    std::string verdict() {
        return eventually([&] { return over_.load(); }) ? why_ : "nothing";
    }

  private:
    const std::vector<std::pair<std::string, std::string>> turns_;
    const std::string preface_;
    std::size_t turn_ = 0;
    std::string why_;
    std::atomic<bool> over_{false};
    gatehouse_check* check_ = nullptr;
};

TEST_F(HealthCheckTest, ADialogueGoesOnAsLongAsThePluginHasSomethingToSay) {
    Server server;
    Dialogue check(instance_, server.address(), {{"ready\n", "one\n"}, {"1\n", "two\n"}, {"2\n", ""}}, 0, "PREFACE\n");
    const Descriptor client = server.accept();
    EXPECT_EQ(read_until(client.get(), "\n"), "PREFACE\n");
    say(client.get(), "rea");
    say(client.get(), "dy\n");
    EXPECT_EQ(read_until(client.get(), "\n"), "one\n");
    say(client.get(), "1\n");
    EXPECT_EQ(read_until(client.get(), "\n"), "two\n");
    say(client.get(), "2\n");
    EXPECT_EQ(check.verdict(), "0");
}

TEST_F(HealthCheckTest, ADialogueWithoutEndIsEnded) {
    Server server;
    server.serve([](int fd) { say(fd, "x"); });
    const std::vector<std::pair<std::string, std::string>> turns(100, {"", "y"});
    Dialogue check(instance_, server.address(), turns);
    EXPECT_EQ(check.verdict(), "-5the dialogue has more than 64 turns, or more than 64 KiB to send");
    Dialogue loud(instance_, server.address(), {{"", std::string(40'000, 'x')}, {"", std::string(40'000, 'x')}, {"", ""}});
    EXPECT_EQ(loud.verdict(), "-5the dialogue has more than 64 turns, or more than 64 KiB to send");
}

TEST_F(HealthCheckTest, ADialogueThatTheServerEndsIsSaid) {
    Server server;
    server.serve([](int fd) { say(fd, "ready\n"); });
    Dialogue check(instance_, server.address(), {{"ready\n", "one\n"}, {"1\n", ""}});
    const std::string verdict = check.verdict(); // the server may have closed before it is asked
    EXPECT_TRUE(verdict == R"(-1closed in the middle of the answer: "ready\x0a")" || verdict == "-4Connection reset by peer")
        << verdict;
}

TEST_F(HealthCheckTest, EndsInOrderIfThePluginWantsIt) {
    Server server;
    Dialogue check(instance_, server.address(), {{"ready\n", ""}}, GATEHOUSE_CHECK_FIN);
    Descriptor client = server.accept();
    say(client.get(), "ready\n");
    EXPECT_EQ(check.verdict(), "0");
    char byte = 0;
    EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0) << "an end, and no reset";
    say(client.get(), "and more"); // which a reset would answer
    ::shutdown(client.get(), SHUT_WR);
    const auto state = [&] {
        tcp_info info{};
        socklen_t size = sizeof info;
        ::getsockopt(client.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
        return info.tcpi_state;
    };
    EXPECT_TRUE(eventually([&] { return state() == TCP_CLOSE; }));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    EXPECT_EQ(error, 0) << "an orderly end";
}

// A server that never ends gets the time of the attempt, and one that says more and more a bounded amount.
TEST_F(HealthCheckTest, AnOrderlyEndIsBounded) {
    Server silent;
    silent.serve([](int fd) { read_until(fd, "never"); }); // it reads until there is no more, and closes
    const auto ends = [&](const std::string& address) {
        gatehouse_check_request request{};
        request.size = sizeof request;
        request.flags = GATEHOUSE_CHECK_FIN;
        request.address = str(address);
        request.interval_milliseconds = 10;
        request.timeout_milliseconds = 50;
        std::atomic<int> results{0};
        request.data = &results;
        request.result = [](void* data, gatehouse_status, gatehouse_str) noexcept {
            static_cast<std::atomic<int>*>(data)->fetch_add(1);
        };
        gatehouse_check* check = nullptr;
        EXPECT_EQ(health_check_table.start(&instance_, &request, &check), GATEHOUSE_OK);
        EXPECT_TRUE(eventually([&] { return results.load() >= 3; })) << "it goes on";
        health_check_table.stop(check);
    };
    ends(silent.address());
    const Server never;
    ends(never.address());
    Server loud;
    loud.serve([](int fd) { say(fd, std::string(200'000, 'x')); });
    ends(loud.address());
}

// --- when ----------------------------------------------------------------------------------------------------------------

TEST_F(HealthCheckTest, RestsForTheIntervalAndItsJitter) {
    Server server;
    server.serve([](int) {});
    struct Times {
        std::mutex mutex;
        std::vector<Nanoseconds> at;
    } times;
    gatehouse_check_request request{};
    request.size = sizeof request;
    request.address = str(server.address());
    request.first_milliseconds = 40;
    request.interval_milliseconds = 40;
    request.jitter_milliseconds = 20;
    request.timeout_milliseconds = 10'000;
    request.data = &times;
    request.result = [](void* data, gatehouse_status, gatehouse_str) noexcept {
        auto& seen = *static_cast<Times*>(data);
        const std::lock_guard lock(seen.mutex);
        seen.at.push_back(monotonic_now());
    };
    const Nanoseconds start = monotonic_now();
    gatehouse_check* check = nullptr;
    ASSERT_EQ(health_check_table.start(&instance_, &request, &check), GATEHOUSE_OK);
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(times.mutex);
        return times.at.size() >= 12;
    }));
    health_check_table.stop(check);
    EXPECT_GE(times.at[0] - start, 40'000'000);
    Nanoseconds shortest = never;
    Nanoseconds longest = 0;
    for (std::size_t i = 1; i < times.at.size(); ++i) {
        EXPECT_GE(times.at[i] - times.at[i - 1], 20'000'000);
        shortest = std::min(shortest, times.at[i] - times.at[i - 1]);
        longest = std::max(longest, times.at[i] - times.at[i - 1]);
    }
    EXPECT_GT(longest - shortest, 2'000'000) << "they differ";
}

// --- stopping -------------------------------------------------------------------------------------------------------------

TEST_F(HealthCheckTest, MayBeStoppedInEachState) {
    Server silent; // connects, but is never answered
    Server full(0);
    for (int i = 0; i < 50; ++i) {
        Checked unanswered(instance_, silent.address(), starts_with_200, "question");
        Checked unconnected(instance_, full.address());
        Checked connecting(instance_, silent.address());
        if (i % 3 == 1) std::this_thread::yield();
        if (i % 3 == 2) std::this_thread::sleep_for(1ms);
    }
    // It closes what it has open.
    Checked check(instance_, silent.address(), starts_with_200, "question");
    Descriptor client;
    for (;;) { // those of the loop come first
        client = silent.accept();
        if (read_until(client.get(), "question") == "question") {
            pollfd waiting{client.get(), POLLRDHUP, 0};
            if (::poll(&waiting, 1, 20) == 0) break; // alive
        }
    }
    check.stop();
    char byte = 0;
    EXPECT_LE(::recv(client.get(), &byte, 1, 0), 0);
}

TEST_F(HealthCheckTest, ACallbackMayStopItsOwnCheck) {
    Server server;
    server.serve([](int fd) { say(fd, "HTTP/1.1 200 OK"); });
    struct Self {
        std::atomic<gatehouse_check*> check{nullptr};
        std::atomic<int> judged{0};
        std::atomic<int> results{0};
        bool in_judge = false;
    };
    for (const bool in_judge : {true, false}) {
        Self self;
        self.in_judge = in_judge;
        gatehouse_check_request request{};
        request.size = sizeof request;
        request.address = str(server.address());
        request.first_milliseconds = 10;
        request.interval_milliseconds = 10;
        request.timeout_milliseconds = 10'000;
        request.data = &self;
        request.judge = [](void* data, const void*, std::size_t, std::int32_t) noexcept -> gatehouse_match {
            auto& me = *static_cast<Self*>(data);
            if (me.in_judge) health_check_table.stop(me.check.load());
            me.judged.fetch_add(1);
            return GATEHOUSE_MATCH_YES;
        };
        request.result = [](void* data, gatehouse_status, gatehouse_str) noexcept {
            auto& me = *static_cast<Self*>(data);
            health_check_table.stop(me.check.load());
            me.results.fetch_add(1);
        };
        gatehouse_check* check = nullptr;
        ASSERT_EQ(health_check_table.start(&instance_, &request, &check), GATEHOUSE_OK);
        self.check.store(check);
        EXPECT_TRUE(eventually([&] { return (in_judge ? self.judged : self.results).load() == 1; }));
        std::this_thread::sleep_for(30ms);
        EXPECT_EQ(self.judged.load(), 1);
        EXPECT_EQ(self.results.load(), in_judge ? 0 : 1);
    }
}

TEST_F(HealthCheckTest, StoppingWaitsForACallback) {
    Server server;
    server.serve([](int fd) { say(fd, "HTTP/1.1 200 OK"); });
    for (int i = 0; i < 20; ++i) {
        std::atomic<bool> inside{false};
        std::atomic<bool> done{false};
        Checked check(instance_, server.address(), [&](std::string_view, bool) {
            inside.store(true);
            std::this_thread::sleep_for(2ms);
            done.store(true);
            return GATEHOUSE_MATCH_YES;
        });
        ASSERT_TRUE(eventually([&] { return inside.load(); }));
        check.stop();
        EXPECT_TRUE(done.load());
    }
}

TEST_F(HealthCheckTest, TheEndOfTheBackgroundEndsChecksInTheMiddle) {
    Server silent;
    Checked check(instance_, silent.address(), starts_with_200, "question");
    const Descriptor client = silent.accept();
    EXPECT_EQ(read_until(client.get(), "question"), "question");
    EXPECT_TRUE(background_.stop(monotonic_now() + 30'000'000'000));
    check.stop();
    EXPECT_EQ(check.count(), 0U);
}

TEST_F(HealthCheckTest, ManyAtOnce) {
    Server server(1024);
    server.serve([](int fd) { say(fd, "HTTP/1.1 200 OK"); });
    std::vector<std::unique_ptr<Checked>> checks;
    for (int i = 0; i < 100; ++i) checks.push_back(std::make_unique<Checked>(instance_, server.address(), starts_with_200));
    for (const auto& check : checks)
        for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(check->verdict(i), (Verdict{GATEHOUSE_OK, ""}));
}

} // namespace
} // namespace gatehouse::host
