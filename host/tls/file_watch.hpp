// Tells when files may have changed (inotify). Not the files are watched but the folders that they are in, by their names and
// by where those lead: so it is noticed when a file is replaced by another, when a link is turned to another file, and when a
// folder of them is exchanged as a whole. What happens to other files there is told as well. [main]
#pragma once

#include "base/descriptor.hpp"

#include <filesystem>

namespace gatehouse::host {

class FileWatch {
  public:
    FileWatch(); // without inotify, which may have run out, it never tells: see working()

    // Once more for the same file: follows where its name leads by now. False: it cannot be watched, errno says why.
    bool add(const std::filesystem::path& file);

    // Whether something has happened since the last call; takes note of it.
    bool happened() noexcept;

    bool working() const noexcept { return static_cast<bool>(inotify_); }
    int descriptor() const noexcept { return inotify_.get(); } // readable when something has happened; -1: not working

  private:
    const Descriptor inotify_; // constant after construction
};

} // namespace gatehouse::host
