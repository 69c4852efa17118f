#include "base/log.hpp"

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/mutex.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr std::size_t queue_length = 4096;
constexpr int stall_milliseconds = 1000;

// Writes lines to a descriptor and would rather lose one than wait for ever. Only the log thread writes.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit DescriptorSink(const std::filesystem::path& file) : file_(file), fd_(open()) {
        if (!fd_) throw std::runtime_error("cannot open the log file " + file_.string() + ": " + std::strerror(errno));
    }

    void hand_over(unsigned user) {
        if (created_ && ::fchown(fd_.get(), user, static_cast<gid_t>(-1)) != 0)
            throw std::system_error(errno, std::generic_category(), "cannot give away the log file " + file_.string());
    }

    bool can_reopen() const noexcept {
        return file_.empty() || Descriptor(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    }

    bool reopen() {
        Descriptor fresh = open();
        if (!fresh) return false;
        const std::lock_guard lock(mutex_);
        fd_ = std::move(fresh);
        return true;
    }

    bool terminal() const { return ::isatty(fd_.get()) == 1; }
    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        line_.clear();
        if (torn_) line_.push_back('\n'); // the line before was cut short by a full disk
        line_.append(message.payload.data(), message.payload.size());
        line_.push_back('\n');
        if (!writable()) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        ssize_t written = 0;
        do {
            written = ::write(fd_.get(), line_.data(), line_.size());
        } while (written < 0 && errno == EINTR);
        if (written == static_cast<ssize_t>(line_.size())) {
            torn_ = false;
            return;
        }
        if (written > 0) torn_ = true;
        dropped_.fetch_add(1, std::memory_order_relaxed);
    }
    void flush_() override {}

  private:
    Descriptor open() {
        if (file_.empty()) return Descriptor(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
        constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
        // O_EXCL follows no link, so what it makes is where it seems to be, and may be given away.
        Descriptor made(::open(file_.c_str(), flags | O_EXCL, 0640));
        created_ = static_cast<bool>(made);
        return made ? std::move(made) : Descriptor(::open(file_.c_str(), flags, 0640));
    }

    // A pipe whose reader has stopped reading is given a moment once, and none from then on until it moves again.
    bool writable() {
        pollfd waiting{fd_.get(), POLLOUT, 0};
        const int ready = ::poll(&waiting, 1, stalled_ ? 0 : stall_milliseconds);
        stalled_ = ready == 0;
        return ready != 0;
    }

    const std::filesystem::path file_; // constant after construction
    bool created_ = false;             // the file, by this object; [main]

    Descriptor fd_; // guarded by base_sink's mutex_, as are the three below
    std::string line_;
    bool torn_ = false;
    bool stalled_ = false;
    std::atomic<std::uint64_t> dropped_{0};
};

std::string_view level_name(LogLevel level) {
    constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
    return names[static_cast<std::size_t>(level)];
}

// The length of the valid UTF-8 sequence that `text` starts with, or 0. C1 control characters do not count as valid here.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first >= 0xc2 && first <= 0xdf) return tail(1) && (first != 0xc2 || second >= 0xa0) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && second < 0xa0;
        const bool surrogate = first == 0xed && second >= 0xa0;
        return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool out_of_range = (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
        return tail(1) && tail(2) && tail(3) && !out_of_range ? 4 : 0;
    }
    return 0;
}

// Appends text so that it stays on its line: control characters and bytes that are not UTF-8 become \xNN (\u00NN in JSON);
// with `quotes`, quote and backslash are escaped as well.
void append_escaped(std::string& out, std::string_view text, bool json, bool quotes) {
    constexpr std::string_view digits = "0123456789abcdef";
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        std::size_t length = byte >= 0x20 && byte < 0x7f ? 1 : utf8_length(text);
        if (length == 0) {
            out += json ? "\\u00" : "\\x";
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
            length = 1;
        } else {
            if (quotes && (byte == '"' || byte == '\\')) out += '\\';
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
}

bool needs_quotes(std::string_view text) { return text.empty() || text.find_first_of(" \"=\\") != std::string_view::npos; }

std::string timestamp(bool json) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    if (json)
        ::gmtime_r(&now.tv_sec, &parts);
    else
        ::localtime_r(&now.tv_sec, &parts);
    std::array<char, 48> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &parts);
    std::snprintf(text.data() + size, text.size() - size, json ? ".%03dZ" : ".%03d", static_cast<int>(now.tv_nsec / 1'000'000));
    return text.data();
}

// Cuts an over-long line so that what remains is still a whole record.
void close_line(std::string& line, std::string_view end) {
    if (line.size() + end.size() > max_log_line) {
        line.resize(max_log_line - end.size());
        while (!line.empty() && line.back() != ' ' && line.back() != ',') line.pop_back();
        if (!line.empty()) line.pop_back();
    }
    line += end;
}

} // namespace

std::string format_human(std::string_view time, LogLevel level, std::string_view message, Fields fields, bool colour) {
    constexpr std::array<std::string_view, 4> colours{"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    std::string line;
    line.reserve(256);
    line += time;
    line += ' ';
    if (colour) line += colours[static_cast<std::size_t>(level)];
    line += level_name(level);
    if (colour) line += "\x1b[0m";
    line.append(8 - level_name(level).size(), ' ');
    append_escaped(line, message.substr(0, max_log_line / 8), false, false);
    for (const Field& field : fields) {
        if (field.key().empty()) continue;
        line += ' ';
        line += field.key();
        line += '=';
        const bool quotes = field.quoted() && needs_quotes(field.text());
        if (quotes) line += '"';
        append_escaped(line, field.text().substr(0, max_log_line / 8), false, quotes);
        if (quotes) line += '"';
    }
    close_line(line, "");
    return line;
}

std::string format_json(std::string_view time, LogLevel level, std::string_view message, Fields fields) {
    std::string line;
    line.reserve(256);
    line += R"({"time":")";
    line += time;
    line += R"(","level":")";
    line += level_name(level);
    line += R"(","message":")";
    append_escaped(line, message.substr(0, max_log_line / 8), true, true);
    line += '"';
    for (const Field& field : fields) {
        if (field.key().empty()) continue;
        std::string member = ",\"" + std::string(field.key()) + "\":";
        if (field.quoted()) member += '"';
        append_escaped(member, field.text().substr(0, max_log_line / 8), true, true);
        if (field.quoted()) member += '"';
        if (line.size() + member.size() + 1 > max_log_line) break; // a record with fewer fields is still a record
        line += member;
    }
    line += '}';
    return line;
}

std::string escape_json(std::string_view text) {
    std::string escaped;
    append_escaped(escaped, text, true, true);
    return escaped;
}

struct Log::Impl {
    explicit Impl(const std::filesystem::path& file)
        : sink(std::make_shared<DescriptorSink>(file)), logger("gatehouse", sink), thread([this] { run(); }) {}
    ~Impl();

    void push(std::string line);
    void run() noexcept;

    // Constant after construction.
    const std::shared_ptr<DescriptorSink> sink;
    bool json = false;
    bool colour = false;
    spdlog::logger logger; // used by the log thread only

    // spdlog's own asynchronous logger looks at its queue every ten seconds; an idle host must not wake up.
    Mutex mutex;
    ConditionVariable filled;
    ConditionVariable emptied;
    std::deque<std::string> lines GATEHOUSE_GUARDED_BY(mutex);
    bool stopping GATEHOUSE_GUARDED_BY(mutex) = false;
    bool writing GATEHOUSE_GUARDED_BY(mutex) = false;
    std::atomic<std::uint64_t> overrun{0}; // lines that found the queue full
    std::thread thread;                    // last: everything above is ready when it starts
};

Log::Impl::~Impl() {
    {
        const MutexLock lock(mutex);
        stopping = true;
    }
    filled.notify_one();
    thread.join();
}

void Log::Impl::push(std::string line) {
    {
        const MutexLock lock(mutex);
        if (lines.size() >= queue_length) { // the newest lines are the ones worth having
            lines.pop_front();
            overrun.fetch_add(1, std::memory_order_relaxed);
        }
        lines.push_back(std::move(line));
    }
    filled.notify_one();
}

void Log::Impl::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "log");
    std::deque<std::string> taken;
    for (;;) {
        {
            MutexLock lock(mutex);
            writing = false;
            if (lines.empty()) emptied.notify_all();
            while (lines.empty() && !stopping) filled.wait(lock);
            if (lines.empty()) return;
            taken.swap(lines);
            writing = true;
        }
        for (const std::string& line : taken) logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
        taken.clear();
    }
}

Log::Log(const LogConfig& config) : level_(config.level), impl_(std::make_unique<Impl>(config.file)) {
    const bool terminal = impl_->sink->terminal();
    impl_->json = config.format == LogFormat::json || (config.format == LogFormat::automatic && !terminal);
    impl_->colour = terminal && ::getenv("NO_COLOR") == nullptr;
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message, Fields fields) noexcept {
    if (!enabled(level)) return;
    try {
        const std::string time = timestamp(impl_->json);
        std::string line =
            impl_->json ? format_json(time, level, message, fields) : format_human(time, level, message, fields, impl_->colour);
        impl_->push(std::move(line));
    } catch (...) { // no memory for the line, nor for a message about that
    }
}

void Log::reopen() noexcept {
    try {
        if (!impl_->sink->reopen())
            error("cannot reopen the log file; going on with the old one", {{"error", std::strerror(errno)}});
        else
            info("log file reopened");
    } catch (...) { // as in write()
    }
}

void Log::hand_over(unsigned user) { impl_->sink->hand_over(user); }

bool Log::can_reopen() const noexcept { return impl_->sink->can_reopen(); }

void Log::flush() noexcept {
    const Nanoseconds deadline = monotonic_now() + 1'000'000'000;
    MutexLock lock(impl_->mutex);
    while ((!impl_->lines.empty() || impl_->writing) && impl_->emptied.wait_until(lock, deadline)) {
    }
}

std::uint64_t Log::dropped() const noexcept { return impl_->sink->dropped() + impl_->overrun.load(std::memory_order_relaxed); }

} // namespace gatehouse::host
