// Notices when the configuration, or a plugin's library, has been written: for [host] watch. What editors, compilers and
// ConfigMaps do takes several steps, so the files have to be at rest for a moment first.
#pragma once

#include "base/file_stamp.hpp"
#include "base/file_watch.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/settling.hpp"
#include "threads/alarm.hpp"
#include "threads/background.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::host {

class ChangeWatch : public Activity {
  public:
    // The background thread is that to which this is added, at `never`. [main]
    ChangeWatch(Background& background, Alarm& alarm, Log& log) noexcept : background_(background), alarm_(alarm), log_(log) {}

    // Watches these files from now on, and no others. [main]
    void follow(std::vector<std::filesystem::path> files) noexcept;

    // Whether some have changed since this was asked last. The alarm goes off when it is so. [main]
    bool has_changed() noexcept { return changed_.exchange(false); }

  private:
    void due() noexcept override;
    void ready(int fd, std::uint32_t events) noexcept override;
    bool note_stamps(const std::vector<std::filesystem::path>& files);
    void look(const std::vector<std::filesystem::path>& files);
    void not_watched(int error, const std::string& file) noexcept;

    Background& background_; // constant after construction, as are the next two
    Alarm& alarm_;
    Log& log_;

    FileWatch watch_;                                   // [background], as are the next ones
    std::map<std::filesystem::path, FileStamp> stamps_; // when a change was told last, or the file was first seen
    bool watching_ = false;
    bool failed_ = false;                          // the log has it
    Settling changes_{300'000'000, 3'000'000'000}; // that have not been told

    std::atomic<bool> changed_{false};
    Mutex mutex_;
    std::vector<std::filesystem::path> files_ GATEHOUSE_GUARDED_BY(mutex_);
    bool is_new_ GATEHOUSE_GUARDED_BY(mutex_) = false; // files_ has not been followed yet
};

} // namespace gatehouse::host
