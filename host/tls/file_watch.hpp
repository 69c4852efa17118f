// Tells when files may have changed (inotify). It watches the folders of the files: the folder of the path, and that of the
// file to which links lead. So it notices a file that is replaced, a link that is turned to another file, and a folder that is
// exchanged as a whole. It also reports changes of other files in those folders. [main]
#pragma once

#include "base/descriptor.hpp"

#include <filesystem>

namespace gatehouse::host {

class FileWatch {
  public:
    FileWatch(); // if the kernel has no more inotify instances, this watches nothing: see working()

    // Watches the folders of a file. Called again, it follows the path to where it leads by now. False, with errno: it cannot.
    bool add(const std::filesystem::path& file);

    // Whether something in those folders has changed since the last call.
    bool happened() noexcept;

    bool working() const noexcept { return static_cast<bool>(inotify_); }
    int descriptor() const noexcept { return inotify_.get(); } // readable after a change; -1: not working

  private:
    const Descriptor inotify_; // constant after construction
};

} // namespace gatehouse::host
