// The content of files that were served, as they are or compressed, by name. It holds no descriptor, and answers nothing by
// itself: whoever takes an entry has asked the file system whether the file is still the one of the entry.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

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
    explicit FileCache(std::size_t slots) : slots_(slots) {}

    struct Entry {
        std::string name;
        FileFacts facts;
        std::string content;
    };

    // Whether nobody has written to a file for a while: its stamp names this content and no other, and no write is under way.
    static bool may_keep(const FileFacts& facts, const std::timespec& now) noexcept {
        return facts.changed.tv_sec > 1 && now.tv_sec - facts.changed.tv_sec >= 3;
    }

    std::shared_ptr<const Entry> find(std::string_view name) const noexcept; // null: none
    void keep(std::shared_ptr<const Entry> entry) noexcept;

  private:
    // A file has one slot, and the one that came last has it: no list to keep in order, and a bound for all.
    struct Slot {
        std::mutex mutex;
        std::shared_ptr<const Entry> entry;
    };

    Slot& slot(std::string_view name) const noexcept { return slots_[std::hash<std::string_view>()(name) % slots_.size()]; }

    mutable std::vector<Slot> slots_;
};

} // namespace http
