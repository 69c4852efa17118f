#include "compressed_files.hpp"
#include "grammar.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <thread>
#include <unistd.h>
#include <utility>

namespace http {

namespace {

// The content of a file; nothing if it cannot be read, or is not of the size that it was opened with.
std::optional<std::string> read_all(const OpenFile& file) {
    if (file.kept) return file.kept->content;
    std::string content(file.facts.size, '\0');
    std::size_t size = 0;
    while (size < content.size()) {
        const ssize_t got = ::pread(file.file.fd(), content.data() + size, content.size() - size, static_cast<off_t>(size));
        if (got <= 0) return std::nullopt;
        size += static_cast<std::size_t>(got);
    }
    return content;
}

// One of the places for threads that compress.
class Place {
  public:
    explicit Place(std::atomic<int>& free) noexcept : free_(free), taken_(free.fetch_sub(1) > 0) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { free_.fetch_add(1); }

    explicit operator bool() const noexcept { return taken_; }

  private:
    std::atomic<int>& free_;
    const bool taken_;
};

} // namespace

CompressedFiles::CompressedFiles(Settings settings)
    : settings_(std::move(settings)), free_(static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))) {}

bool CompressedFiles::takes(std::string_view type, std::uint64_t size) const noexcept {
    if (size < settings_.smallest || size > settings_.largest) return false;
    type = trim(type.substr(0, type.find(';')));
    return std::ranges::any_of(settings_.types, [&](std::string_view wanted) {
        if (!wanted.ends_with("/*")) return equals_ignoring_case(type, wanted);
        const std::size_t kind = wanted.size() - 1;
        return equals_ignoring_case(type.substr(0, kind), wanted.substr(0, kind));
    });
}

std::shared_ptr<const FileCache::Entry> CompressedFiles::find(Coding coding, const OpenFile& file,
                                                              const std::timespec& now) const try {
    std::string key = std::to_string(file.facts.device) + '-' + std::to_string(file.facts.inode);
    key.append(suffix_of(coding));
    std::shared_ptr<const FileCache::Entry> found = cache_.find(key);
    if (!found || found->facts != file.facts) {
        const Place place(free_);
        if (!place) return nullptr;
        const std::optional<std::string> plain = read_all(file);
        if (!plain) return nullptr;
        std::string content = compress(coding, *plain, settings_.level);
        if (content.size() > largest_kept) content.clear(); // or each client would cost its compression
        found = std::make_shared<FileCache::Entry>(FileCache::Entry{std::move(key), file.facts, std::move(content)});
        // What does not go out compressed is kept too, as an empty one: it is not tried again.
        if (FileCache::may_keep(file.facts, now)) cache_.keep(found);
    }
    return found->content.empty() ? nullptr : found;
} catch (const std::bad_alloc&) {
    return nullptr;
}

} // namespace http
