// The served folder, and how to open files beneath it. The kernel guards the border: openat2(2) with RESOLVE_BENEATH follows a
// symbolic link only while it stays beneath the root, even if another process renames folders meanwhile. The way to the root
// itself may have links anywhere, and a deploy may switch them.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
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
    not_found, // also: beyond the root, a device, a socket, a FIFO, a loop of links
    forbidden, // the file system's permissions
    busy,      // out of descriptors or memory: may work later
    failed     // the disk
};

// Stamps are seconds since 1970 and nanoseconds, UTC.
struct FileFacts {
    std::uint64_t size = 0; // bytes
    std::uint64_t inode = 0;
    std::timespec modified{}; // as whoever wrote it wants it to be
    std::timespec changed{};  // as the kernel saw it: content or attributes
};

class DocumentRoot {
  public:
    // Opens the folder; throws std::system_error if that fails, and std::runtime_error if the kernel has no openat2
    // (Linux 5.6) or there is no /proc.
    explicit DocumentRoot(std::string path);

    // [any] Opens a file by its path relative to the folder to which the root's path leads now; while it leads to none, to
    // which it led before. Nothing but regular files is opened: opening others has effects.
    OpenResult open(const std::string& relative, File& file, FileFacts& facts) const noexcept;

  private:
    struct Folder {
        File file;
        std::uint64_t device;
        std::uint64_t inode;
    };

    static std::shared_ptr<const Folder> open_folder(const char* path);
    std::shared_ptr<const Folder> current() const;

    const std::string path_;
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const Folder> folder_; // with mutex_; never null
};

} // namespace http
