// The served folder, and how to open files beneath it. The kernel guards the border: openat2(2) with RESOLVE_BENEATH follows a
// symbolic link only while it stays beneath the root, even if another process renames folders meanwhile. The way to the root
// itself may have links anywhere, and a deploy may switch them.
#pragma once

#include "file.hpp"
#include "file_cache.hpp"
#include "listing.hpp"

#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>

namespace http {

enum class OpenResult {
    file,      // a regular one
    directory, // nothing is open
    not_found, // also: beyond the root, a device, a socket, a FIFO, a loop of links
    forbidden, // the file system's permissions
    busy,      // out of descriptors or memory: may work later
    failed     // the disk
};

// A regular file, as it was when it was opened.
struct OpenFile {
    FileFacts facts;
    File file;
    std::shared_ptr<const FileCache::Entry> kept; // its content, of a small file; null: `file` has it
};

class DocumentRoot {
  public:
    static constexpr std::size_t largest_kept = 16 * 1024; // bytes of a file; larger ones cost more to copy than to open

    // Opens the folder; throws std::system_error if that fails, and std::runtime_error if the kernel has no openat2
    // (Linux 5.6) or there is no /proc.
    explicit DocumentRoot(const std::string& path);

    // [any] Opens a file by its path relative to the folder to which the root's path leads now; while it leads to none, to
    // which it led before. Nothing but regular files is opened: opening others has effects.
    // `now` is the time of stamps, not later than the call.
    OpenResult open(const std::string& relative, const std::timespec& now, OpenFile& file) const noexcept;

    // [any] The same for a file that there is none of, as a rule: finding that out costs one system call.
    OpenResult open_if_there(const std::string& relative, const std::timespec& now, OpenFile& file) const noexcept;

    // [any] Whether a path leads to a regular file; but for the border, which open() guards.
    bool has_file(const std::string& relative) const noexcept;

    // [any] What is in a folder, as far as clients may see it: `most` entries. The result is `directory` if that went well.
    OpenResult list(const std::string& relative, std::size_t most, Listing& listing) const noexcept;

  private:
    struct Folder {
        File file;
        std::uint64_t device;
        std::uint64_t inode;
    };

    static std::shared_ptr<const Folder> open_folder(const char* path);
    std::shared_ptr<const Folder> folder() const;
    std::shared_ptr<const Folder> latest_folder() const;
    std::string full(const std::string& relative) const { return path_ + '/' + relative; }
    // `named`: what stat() says of the path; null: nothing.
    OpenResult open(const std::string& relative, const struct stat* named, const std::timespec& now, OpenFile& file) const;
    void keep(const std::string& relative, OpenFile& file) const;

    const std::string path_;
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const Folder> folder_;                               // with mutex_; never null
    const std::unique_ptr<FileCache> cache_ = std::make_unique<FileCache>(1024); // 16 MiB at most
};

} // namespace http
