// The outputs of the log: what each gets, files that are put aside, and receivers behind sockets.
#include "base/log.hpp"
#include "base/log_socket.hpp"

#include "../eventually.hpp"
#include "../support/temp_dir.hpp"
#include "../text_files.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <regex>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

using Kind = LogOutputConfig::Kind;

// A socket that waits for records.
class Receiver {
  public:
    explicit Receiver(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const std::optional<LogReceiver> at = log_receiver("unix:" + path);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&at->address), at->size), 0);
    }
    explicit Receiver(int type) : fd_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
        if (type == SOCK_STREAM) {
            EXPECT_EQ(::listen(fd_, 1), 0);
        }
    }
    ~Receiver() { ::close(fd_); }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    std::string port() const {
        sockaddr_in own{};
        socklen_t size = sizeof own;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
        return std::to_string(ntohs(own.sin_port));
    }
    // What comes next, or nothing within ten seconds.
    std::string receive(int fd = -1) const {
        pollfd waiting{fd >= 0 ? fd : fd_, POLLIN, 0};
        std::array<char, 8192> bytes{};
        if (::poll(&waiting, 1, 10'000) != 1) return "";
        return {bytes.data(),
                static_cast<std::size_t>(std::max<ssize_t>(::recv(waiting.fd, bytes.data(), bytes.size(), 0), 0))};
    }
    int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

  private:
    const int fd_;
};

class LogOutputs : public ::testing::Test {
  protected:
    LogOutputConfig& add(Kind kind) {
        config_.outputs.emplace_back().kind = kind;
        return config_.outputs.back();
    }
    LogOutputConfig& add_file(const std::string& name, LogFormat format) {
        LogOutputConfig& output = add(Kind::file);
        output.file = file(name);
        output.format = format;
        return output;
    }
    fs::path file(const std::string& name) const { return folder_.path() / name; }

    const support::TempDir folder_;
    LogConfig config_;
};

TEST_F(LogOutputs, EachGetsWhatItIsFor) {
    add_file("all", LogFormat::logfmt);
    add_file("errors", LogFormat::human).level = LogLevel::error;
    LogOutputConfig& web = add_file("web", LogFormat::json);
    web.records = {"closed"};
    web.listeners = {"web"};
    {
        Log log(config_);
        log.info("closed", {{"listener", "web"}, {"peer", "a b"}});
        log.info("closed", {{"listener", "db"}});
        log.info("ready", {{"listener", "web"}});
        log.error("closed");
    }
    const std::string all = contents(file("all"));
    EXPECT_TRUE(std::regex_match(all.substr(0, all.find('\n')),
                                 std::regex(R"(time=[-0-9]+T[:.0-9]+Z seq=1 level=info msg=closed listener=web peer="a b")")))
        << all;
    EXPECT_EQ(std::ranges::count(all, '\n'), 4);
    const std::string errors = contents(file("errors"));
    EXPECT_TRUE(errors.ends_with(" error   closed\n")) << errors;
    EXPECT_EQ(std::ranges::count(errors, '\n'), 1);
    const std::string of_web = contents(file("web"));
    EXPECT_TRUE(of_web.ends_with("\"message\":\"closed\",\"listener\":\"web\",\"peer\":\"a b\"}\n")) << of_web;
    EXPECT_EQ(std::ranges::count(of_web, '\n'), 1);
}

TEST_F(LogOutputs, AFileIsPutAsideBeforeItGetsTooLarge) {
    LogOutputConfig& output = add_file("log", LogFormat::human);
    output.rotate_size = 2000;
    output.rotate_keep = 2;
    {
        Log log(config_);
        for (int i = 0; i < 100; ++i) {
            log.info("line", {{"n", i}, {"text", std::string(100, 'x')}});
            log.flush();
        }
        EXPECT_EQ(log.dropped(), 0U);
    }
    for (const char* const name : {"log", "log.1", "log.2"}) {
        EXPECT_LE(fs::file_size(file(name)), 2000U) << name;
        EXPECT_GT(fs::file_size(file(name)), 1000U) << name;
    }
    EXPECT_FALSE(fs::exists(file("log.3")));
    const std::string last = contents(file("log.2")) + contents(file("log.1")) + contents(file("log"));
    int number = 99; // nothing is missing between the files
    for (std::size_t at = last.rfind(" n="); at != std::string::npos; at = at == 0 ? at : last.rfind(" n=", at - 1))
        EXPECT_EQ(std::stoi(last.substr(at + 3)), number--);
}

// The process before an upgrade has the file as well: it does not put that of the next one aside.
TEST_F(LogOutputs, AFileThatSomebodyElseHasPutAsideIsNotPutAsideAgain) {
    LogOutputConfig& output = add_file("log", LogFormat::human);
    output.rotate_size = 1000;
    Log log(config_);
    log.info("before");
    log.flush();
    fs::rename(file("log"), file("elsewhere"));
    std::ofstream(file("log")) << "of somebody else\n";
    log.info(std::string(450, 'x'), {{"more", std::string(450, 'y')}});
    log.info("after", {{"more", std::string(200, 'y')}});
    log.flush();
    EXPECT_FALSE(fs::exists(file("log.1")));
    EXPECT_TRUE(contents(file("log")).starts_with("of somebody else\n"));
    EXPECT_NE(contents(file("log")).find("after"), std::string::npos);
}

TEST_F(LogOutputs, JournaldGetsFields) {
    const Receiver journald(file("journal"));
    add(Kind::journald).to = "unix:" + file("journal").native();
    Log log(config_);
    log.warning("no connection", {{"listener", "web"}, {"error", "it says\nno"}, {"in", 5}});
    EXPECT_EQ(journald.receive(), "SYSLOG_IDENTIFIER=gatehouse\nPRIORITY=4\nGATEHOUSE_SEQ=1\n"
                                  "MESSAGE=no connection listener=web error=\"it says\\x0ano\" in=5\nGATEHOUSE_LEVEL=warning\n"
                                  "GATEHOUSE_LISTENER=web\nGATEHOUSE_ERROR=it says\\x0ano\nGATEHOUSE_IN=5");
    log.info("next");
    EXPECT_NE(journald.receive().find("PRIORITY=6\n"), std::string::npos);
}

TEST_F(LogOutputs, SyslogGetsItsHeaderAndTheRecord) {
    const std::string header = R"(<3\d>1 [-0-9]+T[:.0-9]+Z \S+ gatehouse )" + std::to_string(::getpid()) + " - - ";
    {
        const Receiver syslog(SOCK_DGRAM);
        add(Kind::syslog).to = "udp:127.0.0.1:" + syslog.port();
        Log log(config_);
        log.info("closed", {{"in", 5}});
        const std::string record = syslog.receive();
        EXPECT_TRUE(std::regex_match(
            record, std::regex(header + R"(\{"time":"[-0-9]+T[:.0-9]+Z","seq":1,"level":"info","message":"closed","in":5\})")))
            << record;
    }
    config_.outputs.clear();
    const Receiver syslog(SOCK_STREAM);
    LogOutputConfig& output = add(Kind::syslog);
    output.to = "tcp:127.0.0.1:" + syslog.port();
    output.format = LogFormat::human;
    Log log(config_);
    log.info("closed", {{"in", 5}});
    const int stream = syslog.accept();
    const std::string record = syslog.receive(stream);
    EXPECT_TRUE(std::regex_match(record, std::regex("\\d+ " + header + " info    closed in=5"))) << record;
    EXPECT_EQ(std::stoul(record), record.size() - record.find(' ') - 1);
    ::close(stream);
}

TEST_F(LogOutputs, AReceiverThatIsNotThereHoldsNobodyUpAndIsFoundLater) {
    add(Kind::syslog).to = "unix:" + file("socket").native();
    Log log(config_);
    log.info("lost");
    EXPECT_TRUE(eventually([&] { return log.dropped() == 1; }));
    const Receiver syslog(file("socket"));
    std::uint64_t sent = 1;
    EXPECT_TRUE(eventually([&] {
        log.info("found");
        log.flush();
        return log.dropped() < ++sent;
    }));
    const std::string record = syslog.receive();
    const std::string header =
        R"(<30>[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d gatehouse\[)" + std::to_string(::getpid()) + R"(\]: )";
    EXPECT_TRUE(std::regex_match(record, std::regex(header + R"(\{"seq":\d+,"level":"info","message":"found"\})"))) << record;
}

// JOURNAL_STREAM names the device and the inode of standard error.
TEST_F(LogOutputs, JournaldIsChosenWhereStandardErrorLeadsThere) {
    struct stat status{};
    ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
    const std::string ours = std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
    const Receiver journald(file("journal"));
    LogOutputConfig& output = add(Kind::standard_error);
    output.to = "unix:" + file("journal").native();
    ::setenv("JOURNAL_STREAM", ours.c_str(), 1);
    {
        Log log(config_);
        log.info("hello");
        EXPECT_NE(journald.receive().find("MESSAGE=hello\n"), std::string::npos);
    }
    ::unsetenv("JOURNAL_STREAM");
}

TEST(LogReceiverText, IsAnAddressOrNothing) {
    for (const char* const good : {"unix:/dev/log", "udp:127.0.0.1:514", "tcp:[::1]:601"})
        EXPECT_TRUE(log_receiver(good)) << good;
    for (const std::string bad :
         {"", "unix:", "udp:", "udp:127.0.0.1", "udp:localhost:514", "tcp:127.0.0.1:0", "tcp:127.0.0.1:65536",
          "tcp:[127.0.0.1]:514", "tcp:::1:514", "tls:127.0.0.1:6514", "udp:127.0.0.1:514 "})
        EXPECT_FALSE(log_receiver(bad)) << bad;
    EXPECT_FALSE(log_receiver("unix:/" + std::string(200, 'x')));
    EXPECT_FALSE(log_receiver("udp:" + std::string(200, '1') + ":514"));
}

} // namespace
} // namespace gatehouse::host
