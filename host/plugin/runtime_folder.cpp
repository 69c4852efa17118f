#include "plugin/runtime_folder.hpp"

#include "base/if_memory_allows.hpp"
#include "plugin/entry_point.hpp"
#include "threads/crash_report.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "gatehouse-";
constexpr int open_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
constexpr unsigned most_attempts = 16;
constexpr std::size_t most_names = 100'000;  // that are looked at in the folder for temporary files
constexpr std::size_t most_removed = 10'000; // files and folders, at one start
constexpr unsigned most_depth = 2;           // a folder for each copy, and the copy

[[noreturn]] void fail(const char* what, const fs::path& folder) {
    throw fs::filesystem_error(what, folder, std::error_code(errno, std::generic_category()));
}

// Of "gatehouse-PID-XXXXXX"; 0 for another name.
pid_t process_of(std::string_view name) noexcept {
    if (!name.starts_with(prefix)) return 0;
    name.remove_prefix(prefix.size());
    pid_t pid = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
    const bool fits = code == std::errc() && pid > 0 && name.data() + name.size() == end + 7 && *end == '-';
    return fits ? pid : 0;
}

// Calls visit(name) for each name in the folder until it says no.
template <class Visit>
void for_each_name(int folder, Visit visit) noexcept {
    Descriptor again(::openat(folder, ".", open_flags)); // its position is its own
    const std::unique_ptr<DIR, int (*)(DIR*)> list(again ? ::fdopendir(again.get()) : nullptr, ::closedir);
    if (!list) return;
    again.release(); // the list's
    while (const dirent* entry = ::readdir(list.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != ".." && !visit(entry->d_name)) return;
    }
}

// All that is in the folder, as far as `left` allows: a link is removed, not followed, and so is no mounted file system.
void empty(int folder, dev_t device, unsigned depth, std::size_t& left) noexcept {
    for_each_name(folder, [&](const char* name) {
        if (left == 0) return false;
        --left;
        if (::unlinkat(folder, name, 0) == 0 || depth == 0) return true;
        const Descriptor inner(::openat(folder, name, open_flags));
        struct stat status{};
        if (!inner || ::fstat(inner.get(), &status) != 0 || status.st_dev != device) return true;
        empty(inner.get(), device, depth - 1, left);
        ::unlinkat(folder, name, AT_REMOVEDIR);
        return true;
    });
}

} // namespace

RuntimeFolder::RuntimeFolder() {
    for (unsigned i = 0; i < most_attempts; ++i)
        if (make()) return;
    fail("cannot keep a private folder", folder_);
}

// False: another host, which looks for folders without a process, has found this one before it was locked.
bool RuntimeFolder::make() {
    std::string name = (fs::temp_directory_path() / (std::string(prefix) + std::to_string(::getpid()) + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) fail("cannot make a private folder", name);
    folder_ = name;
    remove_at_crash(name);
    lock_ = Descriptor(::open(name.c_str(), open_flags));
    if (!lock_) {
        if (errno == ENOENT) return false;
        const int error = errno;
        ::rmdir(name.c_str());
        errno = error;
        fail("cannot open a private folder", folder_);
    }
    // Where a file system has no locks, nobody can take one, and the folder of a dead process stays.
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
    struct stat status{};
    return ::fstat(lock_.get(), &status) == 0 && status.st_nlink != 0;
}

RuntimeFolder::~RuntimeFolder() { remove(); }

void RuntimeFolder::remove() noexcept {
    if_memory_allows([&] {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    });
}

void RuntimeFolder::hand_over(unsigned user, unsigned group) {
    for (unsigned copy = 0; copy <= copies_; ++copy) { // the folder itself, and one for each copy
        const fs::path folder = copy == 0 ? folder_ : folder_ / std::to_string(copy);
        if (::lchown(folder.c_str(), user, group) != 0) fail("cannot give away a private folder", folder);
    }
}

fs::path RuntimeFolder::copy(const fs::path& file) {
    const fs::path folder = folder_ / std::to_string(++copies_);
    std::error_code error;
    const fs::path target = folder / file.filename();
    remove_at_crash(folder.string());
    remove_at_crash(target.string());
    fs::create_directory(folder, error);
    if (!error) fs::copy_file(file, target, error);
    if (error) throw PluginError("cannot copy " + file.string() + " to " + folder.string() + ": " + error.message());
    return target;
}

std::size_t remove_dead_folders(const fs::path& where, const std::vector<unsigned>& owners) noexcept {
    const Descriptor parent(::open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::size_t names = most_names;
    std::size_t left = most_removed;
    std::size_t removed = 0;
    for_each_name(parent.get(), [&](const char* name) {
        if (names-- == 0 || left == 0) return false;
        const pid_t process = process_of(name);
        if (process == 0) return true;
        // A host of an older version holds no lock. No other process has this one's number.
        if (process != ::getpid() && (::kill(process, 0) == 0 || errno != ESRCH)) return true;
        const Descriptor folder(::openat(parent.get(), name, open_flags));
        struct stat status{};
        if (!folder || ::fstat(folder.get(), &status) != 0) return true;
        if (std::find(owners.begin(), owners.end(), status.st_uid) == owners.end()) return true;
        if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return true; // its process lives, maybe in another container
        empty(folder.get(), status.st_dev, most_depth, left);
        if (::unlinkat(parent.get(), name, AT_REMOVEDIR) == 0) ++removed;
        return true;
    });
    return removed;
}

} // namespace gatehouse::host
