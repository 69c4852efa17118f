// The [maps.NAME] sections at work: each has what its file says, and gets another one when the file changes. A file that is
// wrong changes nothing. The readers of a map neither wait for a file nor for each other.
#pragma once

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "config/config.hpp"
#include "net/name_map.hpp"
#include "threads/background.hpp"

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::host {

class MapWatch;

// What is wrong with the files of the sections, a line for each problem: "FILE:LINE:COLUMN: KEY: ...".
class MapError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Reads a map's file. Null: `problems` has what is wrong, a line for each: "FILE: ..." or "FILE:LINE: ...". May wait for a
// disk. [any]
std::shared_ptr<const NameMap> read_map(const std::filesystem::path& file, std::string& problems);

// One section.
class LiveMap {
  public:
    // Reads the file. Throws MapError. [who makes a generation]
    LiveMap(const MapConfig& config, Log& log);

    struct Value {
        std::string text;
        std::string where; // "FILE:LINE"
    };
    // What the file says of the name, or else the section. Empty: nothing. An empty name has no value. [any]
    Value find(const ServerName& name) const;

    std::shared_ptr<const NameMap> map() const noexcept; // [any]
    const MapConfig& config() const noexcept { return config_; }

    // Reads the file anew; if it says something else, it counts from now on. Returns what is wrong with it, as read_map() does:
    // then the old one stays. Logs both. May wait. [any]
    std::string refresh();

    // Writes the file anew, in one step, with what `edit` makes of its text and of the map that this is, and puts that to use.
    // The result is empty, or says what is wrong; then nothing has changed. May wait. [any]
    using Edit = std::function<std::string(const std::string& text, const NameMap& map)>;
    std::string change(const Edit& edit);
    // The same with this text, whatever the file has, which may even be gone or wrong.
    std::string replace(const std::string& text);

  private:
    std::string write(const std::string& text) GATEHOUSE_REQUIRES(reading_);
    void put_to_use(std::shared_ptr<const NameMap> fresh);

    const MapConfig config_; // constant after construction, as is the next one
    Log& log_;
    Mutex reading_; // so that what is read last is put to use last
    mutable Mutex mutex_;
    std::shared_ptr<const NameMap> map_ GATEHOUSE_GUARDED_BY(mutex_);
};

class LiveMaps {
  public:
    // Reads all files; throws MapError with all that is wrong with them. [who makes a generation]
    LiveMaps(const std::vector<MapConfig>& configs, Log& log);
    ~LiveMaps() { unwatch(); }
    LiveMaps(const LiveMaps&) = delete;
    LiveMaps& operator=(const LiveMaps&) = delete;

    using Sections = std::map<std::string, std::shared_ptr<LiveMap>>;
    const Sections& sections() const noexcept { return sections_; }
    const LiveMap& find(const std::string& name) const { return *sections_.at(name); }

    // Reads files from now on that have changed since they were read. [who makes a generation]
    void watch(Background& background);
    // Lets go of them. May wait. [any]
    void unwatch() noexcept;
    // Has all files read anew, for file systems that tell of no change. [any]
    void reload() noexcept;

  private:
    Sections sections_; // constant after construction
    Log& log_;
    std::shared_ptr<MapWatch> watch_; // null: there is nothing to watch
    Background* background_ = nullptr;
};

} // namespace gatehouse::host
