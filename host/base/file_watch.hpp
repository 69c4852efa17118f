// Tells which files may have changed (inotify). It watches the whole way to a file: each folder on it, in case that is moved
// away or removed, and the folder of each link and of the file itself, for a change under this name. What is missing is awaited
// in the last folder that is there. [one thread]
//
// Mounts make no events, and neither does what another machine does to a network's file system.
#pragma once

#include "base/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

class FileWatch {
  public:
    FileWatch(); // if the kernel has no more inotify instances, this watches nothing: see working()

    // Watches the way to a file, from now on as `id`: a small number. Called again, it follows the path to where it leads by
    // now. 0, or an errno: some of it cannot be watched.
    int follow(std::size_t id, const std::filesystem::path& file);

    // Adds the files to which something may have happened since the last call; they are to be followed again.
    void read(std::set<std::size_t>& changed);

    bool working() const noexcept { return static_cast<bool>(inotify_); }
    int descriptor() const noexcept { return inotify_.get(); } // readable after a change; -1: not working

  private:
    // By the kernel's number of a watched folder, and a name in it; "": the folder itself. The files whose way leads there, in
    // order.
    using Steps = std::map<std::pair<int, std::string>, std::vector<std::size_t>>;

    int watch(std::size_t id, const std::string& folder, std::uint32_t events, std::string_view name);
    void leave(std::size_t id);

    const Descriptor inotify_; // constant after construction
    Steps steps_;
    std::vector<std::vector<Steps::iterator>> ways_; // by the files' ids
};

} // namespace gatehouse::host
