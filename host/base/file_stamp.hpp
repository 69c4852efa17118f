// What stat() tells of a file, by which one sees that it has been written or replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <sys/stat.h>

namespace gatehouse::host {

struct FileStamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t seconds = 0, nanoseconds = 0;

    bool operator==(const FileStamp&) const = default;
};

// All zero: there is no such file.
inline FileStamp stamp_of(const std::filesystem::path& file) noexcept {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) return {};
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec};
}

} // namespace gatehouse::host
