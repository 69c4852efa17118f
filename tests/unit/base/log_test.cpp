#include "base/log.hpp"

#include "base/clock.hpp"
#include "base/text_table.hpp"

#include <algorithm>
#include <array>
#include <boost/json/src.hpp> // the library itself: Debian packages it apart from the headers
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

// Lines as they are written, with a time that stands still.
std::string human(LogLevel level, std::string_view message, Fields fields, bool colour) {
    LogLine line;
    format_human(line, level, message, fields, colour);
    return "2024-05-01 12:00:00.000" + std::string(line.view());
}
std::string json(LogLevel level, std::string_view message, Fields fields) {
    LogLine line;
    format_json(line, level, message, fields);
    return R"({"time":"t","seq":1)" + std::string(line.view());
}

std::string every_byte() {
    std::string text;
    for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
    return text;
}

// Nothing in it that ends a line or that a terminal would obey.
bool is_one_line(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        const bool c1 = byte == 0xc2 && i + 1 < line.size() && static_cast<unsigned char>(line[i + 1]) < 0xa0;
        if (byte < 0x20 || byte == 0x7f || c1) return false;
    }
    return true;
}

boost::json::object parsed(std::string_view line) {
    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(boost::json::string_view(line.data(), line.size()), error);
    EXPECT_FALSE(error) << error.message() << ": " << line;
    return error || !value.is_object() ? boost::json::object() : value.as_object();
}

TEST(FormatHuman, HasTimeLevelMessageAndFields) {
    EXPECT_EQ(human(LogLevel::info, "closed", {{"listener", "echo"}, {"in", 5}, {"ms", 1.5}}, false),
              "2024-05-01 12:00:00.000 info    closed listener=echo in=5 ms=1.500");
    EXPECT_EQ(human(LogLevel::warning, "odd", {{"text", "two words"}, {"none", ""}}, false),
              "2024-05-01 12:00:00.000 warning odd text=\"two words\" none=\"\"");
}

TEST(FormatHuman, ColoursTheLevelOnly) {
    EXPECT_EQ(human(LogLevel::error, "bad", {}, true), "2024-05-01 12:00:00.000 \x1b[31merror\x1b[0m   bad");
}

TEST(FormatHuman, KeepsWhatIsQuotedApart) {
    EXPECT_EQ(human(LogLevel::info, "m", {{"a", "x=1 b=\"2\\"}}, false),
              R"(2024-05-01 12:00:00.000 info    m a="x=1 b=\"2\\")");
}

TEST(FormatHuman, EscapesWhatIsNotText) {
    EXPECT_EQ(human(LogLevel::info, "a\nb", {{"k", "\r\x1b\x7f\xff"}}, false),
              "2024-05-01 12:00:00.000 info    a\\x0ab k=\\x0d\\x1b\\x7f\\xff");
    EXPECT_EQ(human(LogLevel::info, "m", {{"k", "\xc2\x9b\xc3\xa9"}}, false), // C1 is escaped, é is not
              "2024-05-01 12:00:00.000 info    m k=\\xc2\\x9b\xc3\xa9");
}

TEST(Format, EveryByteInEveryPlaceStaysOnOneLine) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = std::string("a") + static_cast<char>(byte) + "b";
        EXPECT_TRUE(is_one_line(human(LogLevel::info, text, {{"k", text}, {"l", text}}, false))) << byte;
        const std::string line = json(LogLevel::info, text, {{"k", text}, {"l", text}});
        EXPECT_TRUE(is_one_line(line)) << byte;
        const boost::json::object record = parsed(line);
        if (byte < 0x80) {
            EXPECT_EQ(record.at("message").as_string(), boost::json::string_view(text.data(), text.size())) << byte;
            EXPECT_EQ(record.at("k").as_string(), boost::json::string_view(text.data(), text.size())) << byte;
        }
        EXPECT_EQ(record.size(), 6U) << byte;
    }
    EXPECT_TRUE(is_one_line(human(LogLevel::info, every_byte(), {{"k", every_byte()}}, false)));
    EXPECT_EQ(parsed(json(LogLevel::info, every_byte(), {{"k", every_byte()}})).size(), 5U);
}

TEST(FormatJson, HasNumbersAsNumbers) {
    const boost::json::object record = parsed(json(LogLevel::warning, "m", {{"in", 5}, {"ms", 0.25}, {"text", "5"}}));
    EXPECT_EQ(record.at("time").as_string(), "t");
    EXPECT_EQ(record.at("level").as_string(), "warning");
    EXPECT_EQ(record.at("in").as_int64(), 5);
    EXPECT_DOUBLE_EQ(record.at("ms").as_double(), 0.25);
    EXPECT_EQ(record.at("text").as_string(), "5");
}

TEST(FormatJson, BrokenUtf8IsNotPassedOn) {
    for (const std::string_view bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
                                       "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xc3"})
        parsed(json(LogLevel::info, bad, {{"k", bad}}));
    EXPECT_EQ(parsed(json(LogLevel::info, "\xf0\x9f\x9a\xaa", {})).at("message").as_string(), "\xf0\x9f\x9a\xaa");
}

TEST(Format, ALineHasALimit) {
    const std::string huge(100'000, 'x');
    const std::string worst(100'000, '\x01'); // six times as long in JSON
    for (const std::string& text : {huge, worst}) {
        const std::initializer_list<Field> fields = {{"a", text}, {"b", text}, {"c", text}, {"d", text},
                                                     {"e", text}, {"f", text}, {"g", text}, {"h", text}};
        LogLine line;
        format_human(line, LogLevel::info, text, fields, true);
        EXPECT_FALSE(line.is_full());
        EXPECT_TRUE(parsed(json(LogLevel::info, text, fields)).contains("message"));
    }
}

TEST(EscapeJson, IsTheInsideOfAString) { EXPECT_EQ(escape_json("a\"b\\c\n"), "a\\\"b\\\\c\\u000a"); }

// --- writing -------------------------------------------------------------------------------------------------------------

class LogFile : public ::testing::Test {
  public:
    LogFile() {
        std::string name = (fs::temp_directory_path() / "gatehouse-log-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        config_.file = folder_ / "log";
        config_.format = LogFormat::json;
    }
    ~LogFile() override { fs::remove_all(folder_); }

  protected:
    static std::vector<std::string> lines(const fs::path& file) {
        std::ifstream in(file);
        std::vector<std::string> result;
        for (std::string line; std::getline(in, line);) result.push_back(line);
        return result;
    }

    fs::path folder_;
    LogConfig config_;
};

TEST_F(LogFile, WritesInOrderAndLeavesOutWhatIsNotImportant) {
    {
        Log log(config_);
        EXPECT_FALSE(log.enabled(LogLevel::debug));
        log.debug("hidden");
        for (int i = 0; i < 1000; ++i) log.info("line", {{"n", i}});
        log.error("last");
    }
    const auto written = lines(config_.file);
    ASSERT_EQ(written.size(), 1001U);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(parsed(written[static_cast<std::size_t>(i)]).at("n").as_int64(), i);
    EXPECT_EQ(parsed(written.back()).at("message").as_string(), "last");
}

// However many write at once: a number that is missing stands for a record that was lost.
TEST_F(LogFile, NumbersItsRecordsInTheirOrder) {
    constexpr int each = 2000;
    std::uint64_t dropped = 0;
    {
        Log log(config_);
        std::vector<std::thread> writers;
        for (int t = 0; t < 4; ++t)
            writers.emplace_back([&] {
                for (int i = 0; i < each; ++i) log.info("line");
            });
        for (std::thread& writer : writers) writer.join();
        log.flush();
        dropped = log.dropped();
    }
    std::int64_t last = 0;
    std::string time;
    const auto written = lines(config_.file);
    for (const std::string& line : written) {
        const boost::json::object record = parsed(line);
        EXPECT_GT(record.at("seq").as_int64(), last);
        last = record.at("seq").as_int64();
        EXPECT_GE(std::string(record.at("time").as_string()), time);
        time = record.at("time").as_string();
    }
    EXPECT_EQ(last, 4 * each);
    EXPECT_EQ(written.size() + dropped, 4U * each);
}

// The thread gathers lines, but not for long.
TEST_F(LogFile, ALineIsThereSoon) {
    constexpr std::size_t tries = 21;
    Log log(config_);
    std::vector<Nanoseconds> times;
    for (std::size_t i = 1; i <= tries; ++i) {
        log.info("line");
        const Nanoseconds begin = monotonic_now();
        while (lines(config_.file).size() < i) ::usleep(1000);
        times.push_back(monotonic_now() - begin);
    }
    std::sort(times.begin(), times.end());
    EXPECT_LT(times[tries / 2], 100'000'000); // a busy machine may hold some of them up
}

// So that a million connections cost no more than their lines.
TEST_F(LogFile, WritesManyLinesAtATime) {
    const auto calls_of_write = [] {
        std::ifstream io("/proc/self/io");
        for (std::string key; io >> key;)
            if (std::uint64_t value = 0; io >> value && key == "syscw:") return value;
        return std::uint64_t{0};
    };
    const std::uint64_t before = calls_of_write();
    {
        Log log(config_);
        for (int i = 0; i < 5000; ++i) log.info("line", {{"n", i}});
    }
    EXPECT_EQ(lines(config_.file).size(), 5000U);
    EXPECT_LT(calls_of_write() - before, 500U);
}

TEST_F(LogFile, IsPrivateToItsOwnerAndGroup) {
    const Log log(config_);
    struct stat status{};
    ASSERT_EQ(::stat(config_.file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0007U, 0U);
}

TEST_F(LogFile, ReopensByName) {
    {
        Log log(config_);
        log.info("before");
        // The queue is written by another thread: wait for the line before the file is moved.
        while (lines(config_.file).empty()) ::usleep(1000);
        fs::rename(config_.file, folder_ / "old");
        log.reopen();
        log.info("after");
    }
    ASSERT_EQ(lines(folder_ / "old").size(), 1U);
    const auto written = lines(config_.file);
    ASSERT_EQ(written.size(), 2U);
    EXPECT_EQ(parsed(written[0]).at("message").as_string(), "log file reopened");
    EXPECT_EQ(parsed(written[1]).at("message").as_string(), "after");
}

TEST_F(LogFile, KeepsTheOldFileIfTheNewOneCannotBeOpened) {
    {
        Log log(config_);
        fs::rename(config_.file, folder_ / "old");
        fs::create_directory(config_.file);
        log.reopen();
        log.info("after");
    }
    const auto written = lines(folder_ / "old");
    ASSERT_EQ(written.size(), 2U);
    EXPECT_EQ(parsed(written[0]).at("message").as_string(), "cannot reopen the log file; going on with the old one");
    EXPECT_EQ(parsed(written[0]).at("error").as_string(), "Is a directory");
    EXPECT_EQ(parsed(written[1]).at("message").as_string(), "after");
}

TEST_F(LogFile, SaysWhyItCannotBeOpened) {
    config_.file = folder_ / "missing" / "log";
    try {
        const Log log(config_);
        FAIL() << "opened";
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()),
                  "cannot open the log file " + config_.file.string() + ": No such file or directory");
    }
}

TEST_F(LogFile, AFullDiskIsCounted) {
    config_.file = "/dev/full";
    Log log(config_);
    for (int i = 0; i < 10; ++i) log.info("lost");
    while (log.dropped() < 10) ::usleep(1000);
    EXPECT_EQ(log.dropped(), 10U);
}

// Nobody reads: the first line that does not fit waits for a moment, the rest is dropped at once, and nobody who logs waits.
TEST_F(LogFile, APipeThatNobodyReadsHoldsNobodyUp) {
    ASSERT_EQ(::mkfifo(config_.file.c_str(), 0600), 0);
    const int reader = ::open(config_.file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    const auto start = std::chrono::steady_clock::now();
    {
        Log log(config_);
        const std::string text(400, 'x');
        for (int i = 0; i < 20'000; ++i) log.info(text);
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
        while (log.dropped() == 0) ::usleep(1000);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
    ::close(reader);
}

TEST_F(LogFile, APipeWhoseReaderHasGoneIsCounted) {
    ::signal(SIGPIPE, SIG_IGN); // as the host does
    ASSERT_EQ(::mkfifo(config_.file.c_str(), 0600), 0);
    const int reader = ::open(config_.file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    Log log(config_);
    ::close(reader);
    log.info("lost");
    while (log.dropped() < 1) ::usleep(1000);
    EXPECT_EQ(log.dropped(), 1U);
}

} // namespace
} // namespace gatehouse::host
