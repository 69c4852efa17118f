// Loads files of [tls.NAME] sections again on the background thread: those that have changed, and all when the operator says
// so. It takes a part of a section at a time (see tls/files.hpp), and lets other activities run in between.
#pragma once

#include "base/clock.hpp"
#include "base/file_watch.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/settling.hpp"
#include "threads/alarm.hpp"
#include "threads/background.hpp"
#include "tls/sections.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::host {

class TlsReloader : public Activity {
  public:
    // The servers outlive it, or it is removed before. [main]
    TlsReloader(const std::map<std::string, std::unique_ptr<TlsServer>>& servers, Background& background, Alarm& alarm,
                Log& log);

    // See TlsServers. [main]
    std::uint64_t reload() noexcept;
    std::optional<std::string> reloaded(std::uint64_t which) const;

  private:
    struct Part {
        TlsServer* server;
        std::size_t index;
    };

    void due() noexcept override;
    void ready(int fd, std::uint32_t events) noexcept override;
    Nanoseconds work();
    bool begin_round();
    void load(const Part& part, std::size_t number);
    void end_round(std::string problems) noexcept;
    void not_watched(int error, const std::string& what) noexcept;
    bool is_asked() const noexcept;

    Background& background_; // constant after construction, as are the next three
    Alarm& alarm_;
    Log& log_;
    std::vector<Part> parts_; // of all sections

    FileWatch watch_; // [background], as are all but what the mutex guards
    bool watching_ = false;
    bool watch_failed_ = false;     // the log has it
    std::set<std::size_t> changed_; // files, which may still be written
    Settling changes_{200'000'000, 2'000'000'000};
    bool loading_ = false;            // there is a round
    bool all_ = false;                // the operator wants all files to be loaded, in this round
    std::set<std::size_t> to_load_;   // parts, in this round
    std::set<TlsServer*> to_publish_; // the sections of those that have been loaded
    std::string round_problems_;
    std::uint64_t round_answers_ = 0; // requests up to this one

    mutable Mutex mutex_;
    std::uint64_t asked_ GATEHOUSE_GUARDED_BY(mutex_) = 0; // requests so far
    std::uint64_t done_ GATEHOUSE_GUARDED_BY(mutex_) = 0;  // of them
    std::string problems_ GATEHOUSE_GUARDED_BY(mutex_);    // of the last that is done
};

} // namespace gatehouse::host
