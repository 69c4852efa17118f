// Where the lines of the log go: a file, or standard error, which may be a terminal, a pipe or a socket.
#pragma once

#include "base/descriptor.hpp"
#include "base/mutex.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <string_view>

namespace gatehouse::host {

// Would rather lose lines than wait for ever. Each message is a number of whole lines, with their ends; only the log's thread
// writes.
class LogSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    // An empty path: standard error. A file that would get larger than `rotate_size` is renamed to FILE.1, FILE.1 to FILE.2 and
    // so on, and `rotate_keep` of these stay; 0: never. Throws std::runtime_error if the file cannot be opened.
    explicit LogSink(const std::filesystem::path& file, std::uint64_t rotate_size = 0, unsigned rotate_keep = 0);

    // See Log.
    void hand_over(unsigned user);
    bool can_reopen() const noexcept;
    bool reopen();

    bool is_terminal() const noexcept;
    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); } // lines

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

  private:
    Descriptor open(bool& created) const noexcept;
    void take_fresh();
    void use(Descriptor fd);
    void rotate();
    std::string_view write(std::string_view lines);
    bool is_writable();

    const std::filesystem::path file_; // constant after construction
    const std::uint64_t rotate_size_;
    const unsigned rotate_keep_;
    bool created_ = false; // the file, by this object; [main]

    Mutex fresh_mutex_; // not the sink's own, under which the log's thread may wait for a reader
    Descriptor fresh_ GATEHOUSE_GUARDED_BY(fresh_mutex_);

    Descriptor fd_;               // the log's thread's, as are the five below
    std::uint64_t size_ = 0;      // of a file
    std::uint64_t rotate_at_ = 0; // this size
    bool regular_ = false;        // a file: always writable, and a write is never mixed with another one
    bool torn_ = false;           // the last line was cut short by a full disk
    bool stalled_ = false;        // the reader of a pipe has stopped reading
    std::atomic<std::uint64_t> dropped_{0};
};

} // namespace gatehouse::host
