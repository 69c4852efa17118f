// Has the files of maps read when they have changed: the background thread hears of it, and a thread of its own reads, since a
// million lines take a while.
#pragma once

#include "base/file_watch.hpp"
#include "base/settling.hpp"
#include "maps/live_maps.hpp"
#include "threads/background.hpp"
#include "threads/jobs.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::host {

class MapWatch : public Activity {
  public:
    // Watches the files from now on. The sections are complete when this is added to the background thread, and outlive it, or
    // it is removed and stopped before.
    MapWatch(const std::vector<MapConfig>& configs, const LiveMaps::Sections& sections, Log& log);

    void use(Background& background) noexcept { background_ = &background; } // to which it is added then
    void reload() noexcept;                                                  // all of them. [any]
    void stop() noexcept { jobs_.stop(never); }                              // when it has been removed. [any]

  private:
    void due() noexcept override;
    void ready(int fd, std::uint32_t events) noexcept override;
    void follow(std::size_t map);
    bool post_reading();
    void not_watched(int error, const std::string& file) noexcept;

    const std::vector<MapConfig> configs_; // constant after construction, as are the next two
    const LiveMaps::Sections& sections_;
    Log& log_;
    Background* background_ = nullptr; // constant from use() on
    std::atomic<bool> all_{false};     // are to be read

    FileWatch watch_; // [background] from use() on, as are the next ones
    bool watching_ = false;
    bool failed_ = false;           // the log has it
    std::set<std::size_t> changed_; // files, by their index in configs_
    Settling changes_{200'000'000, 2'000'000'000};
    Jobs jobs_{"maps"};
};

} // namespace gatehouse::host
