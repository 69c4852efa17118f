// The private folder of a process, with its copies of the plugin libraries, and what becomes of those that dead ones have left.
#pragma once

#include "base/descriptor.hpp"

#include <cstddef>
#include <filesystem>
#include <vector>

namespace gatehouse::host {

// Removed with the object. Until then the folder is locked (flock), which says that its process lives. [main]
class RuntimeFolder {
  public:
    RuntimeFolder(); // throws std::filesystem::filesystem_error
    ~RuntimeFolder();
    void remove() noexcept;
    RuntimeFolder(const RuntimeFolder&) = delete;
    RuntimeFolder& operator=(const RuntimeFolder&) = delete;

    const std::filesystem::path& path() const noexcept { return folder_; }

    // Gives the folders to this account, so that it can remove them, but not the files, which are mapped. Throws
    // std::filesystem::filesystem_error.
    void hand_over(unsigned user, unsigned group);

    // A copy of the file under the same name; throws PluginError.
    std::filesystem::path copy(const std::filesystem::path& file);

  private:
    bool make();

    std::filesystem::path folder_;
    Descriptor lock_; // the folder's own
    unsigned copies_ = 0;
};

// Removes such folders from `where` if one of `owners` owns them and their process is gone; follows no link, and does a bounded
// amount of work. Returns how many are gone. [main]
std::size_t remove_dead_folders(const std::filesystem::path& where, const std::vector<unsigned>& owners) noexcept;

} // namespace gatehouse::host
