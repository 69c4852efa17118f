// A place where records of the log go: it formats them, keeps them in a bounded buffer, and a thread of its own writes them.
#pragma once

#include "base/bounded_text.hpp"
#include "base/line_ring.hpp"
#include "base/log_config.hpp"
#include "base/log_socket.hpp"
#include "base/mutex.hpp"
#include "base/thread.hpp"

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string_view>

namespace spdlog {
class logger;
}

namespace gatehouse::host {

class LogSink;

// See Log for what the functions of the same names do. [any] unless noted.
class LogOutput {
  public:
    // Throws std::runtime_error if the file cannot be opened. [main]
    explicit LogOutput(const LogOutputConfig& config);
    ~LogOutput(); // writes what is queued

    // Writes a record, if it is one of those that this output gets.
    void put(LogLevel level, std::string_view message, Fields fields) noexcept;

    bool reopen();                            // true where there is nothing to open. [main]
    void hand_over(unsigned user);            // [main]
    bool can_reopen() const noexcept;         // [main]
    void hurry() noexcept;                    // what is queued is to be written at once. [main]
    void wait(Nanoseconds deadline) noexcept; // until it has been. [main]
    std::uint64_t overrun() const noexcept { return overrun_.load(std::memory_order_relaxed); }
    std::uint64_t unwritten() const noexcept;

  private:
    enum class Carrier { plain, syslog, local_syslog, journald };

    static constexpr std::size_t longest_start = 80;   // of a plain record: its time and its number
    static constexpr std::size_t longest_header = 160; // syslog's
    using Start = BoundedText<longest_start>;
    using Header = BoundedText<longest_header>;

    static Carrier carrier_of(const LogOutputConfig& config) noexcept;
    LogOutput(const LogOutputConfig& config, Carrier carrier);
    bool wants(LogLevel level, std::string_view message, Fields fields) const noexcept;
    void push(LogLevel level, std::string_view record) noexcept;
    void append_start(LogLevel level) noexcept GATEHOUSE_REQUIRES(mutex_);
    void run() noexcept;

    // Constant after construction.
    const LogOutputConfig config_;
    const Carrier carrier_;
    const std::shared_ptr<LogSink> file_;     // or standard error; null: a socket
    const std::shared_ptr<LogSocket> socket_; // null: a file
    const LogFormat format_;                  // not `automatic`
    const bool colour_;
    Header origin_;                                // of syslog: the process, and its machine if that is not known anyway
    const std::shared_ptr<spdlog::logger> logger_; // of `file_`, used by the thread only

    // spdlog's own asynchronous logger allocates for each line, wakes its thread for it, and looks at its queue every ten
    // seconds when it is idle.
    Mutex mutex_;
    ConditionVariable changed_;
    ConditionVariable emptied_;
    LineRing lines_ GATEHOUSE_GUARDED_BY(mutex_);
    std::uint64_t last_number_ GATEHOUSE_GUARDED_BY(mutex_) = 0;
    time_t second_ GATEHOUSE_GUARDED_BY(mutex_) = -1; // that `date_` stands for
    Start date_ GATEHOUSE_GUARDED_BY(mutex_);
    bool idle_ GATEHOUSE_GUARDED_BY(mutex_) = false;    // the thread waits for a line
    bool hurried_ GATEHOUSE_GUARDED_BY(mutex_) = false; // it is not to gather lines
    bool writing_ GATEHOUSE_GUARDED_BY(mutex_) = false;
    bool stopping_ GATEHOUSE_GUARDED_BY(mutex_) = false;
    std::atomic<std::uint64_t> overrun_{0}; // lines that have made way for newer ones
    Thread thread_;                         // last: everything above is ready when it starts
};

} // namespace gatehouse::host
