// The content of small files that were served, by name. It holds no descriptor, and answers nothing by itself: whoever takes an
// entry has asked the file system whether the file is still the one of the entry.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace http {

// Stamps are seconds since 1970 and nanoseconds, UTC.
struct FileFacts {
    std::uint64_t size = 0; // bytes
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::timespec modified{}; // as whoever wrote it wants it to be
    std::timespec changed{};  // as the kernel saw it: content or attributes

    bool operator==(const FileFacts& other) const noexcept;
};

// [any]
class FileCache {
  public:
    static constexpr std::size_t largest = 16 * 1024; // bytes of a file; of larger ones the copying costs more than the opening

    struct Entry {
        std::string name;
        FileFacts facts;
        std::string content;
    };

    std::shared_ptr<const Entry> find(std::string_view name) const noexcept; // null: none
    void keep(std::shared_ptr<const Entry> entry) noexcept;

  private:
    // A file has one slot, and the one that came last has it: no list to keep in order, and at most 16 MiB of files.
    struct Slot {
        std::mutex mutex;
        std::shared_ptr<const Entry> entry;
    };

    Slot& slot(std::string_view name) const noexcept { return slots_[std::hash<std::string_view>()(name) % slots_.size()]; }

    mutable std::array<Slot, 1024> slots_;
};

} // namespace http
