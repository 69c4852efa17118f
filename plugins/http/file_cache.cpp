#include "file_cache.hpp"

#include <utility>

namespace http {

bool FileFacts::operator==(const FileFacts& other) const noexcept {
    const auto same = [](const std::timespec& a, const std::timespec& b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    return size == other.size && device == other.device && inode == other.inode && same(modified, other.modified) &&
           same(changed, other.changed);
}

std::shared_ptr<const FileCache::Entry> FileCache::find(std::string_view name) const noexcept {
    Slot& found = slot(name);
    const std::lock_guard lock(found.mutex);
    return found.entry && found.entry->name == name ? found.entry : nullptr;
}

void FileCache::keep(std::shared_ptr<const Entry> entry) noexcept {
    Slot& kept = slot(entry->name);
    const std::lock_guard lock(kept.mutex);
    kept.entry.swap(entry); // the other one goes after the lock
}

} // namespace http
