// The served folder, and how to open files beneath it. The kernel guards the border: openat2(2) with RESOLVE_BENEATH follows a
// symbolic link only while it stays beneath the root, even if another process renames folders meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace http {

// An open file, closed with its owner.
class File {
  public:
    File() noexcept = default;
    explicit File(int fd) noexcept : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~File();

    int fd() const noexcept { return fd_; }

  private:
    int fd_ = -1;
};

enum class OpenResult {
    file,      // a regular one
    directory, // nothing is open
    not_found, // also: beyond the root, a device, a socket, a loop of links
    forbidden, // the file system's permissions
    busy,      // out of descriptors or memory: may work later
    failed     // the disk
};

struct FileFacts {
    std::uint64_t size = 0; // bytes
    std::uint64_t inode = 0;
    std::int64_t modified = 0;    // seconds since 1970
    std::int64_t nanoseconds = 0; // of `modified`
};

class DocumentRoot {
  public:
    // Opens the folder; throws std::system_error if that fails, and std::runtime_error if the kernel has no openat2
    // (Linux 5.6).
    explicit DocumentRoot(const std::string& path);

    // [any] Opens a file by its path relative to the root.
    OpenResult open(const std::string& relative, File& file, FileFacts& facts) const noexcept;

  private:
    File root_; // constant after construction
};

} // namespace http
