#include "document_root.hpp"
#include "target.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <linux/openat2.h>
#include <new>
#include <stdexcept>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace http {

namespace {

// Finds a file without opening it.
int find_beneath(int root, const char* path) noexcept {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    // EAGAIN: another process has renamed a folder during the walk, and the kernel cannot tell whether the path is beneath the
    // root.
    int fd = -1;
    for (int attempt = 0; attempt < 4; ++attempt) {
        fd = static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
    }
    return fd;
}

// Opens what an O_PATH descriptor has found, and no other file that has its name by now.
int open_found(int found) noexcept {
    constexpr std::string_view folder = "/proc/self/fd/";
    std::array<char, folder.size() + 16> path{};
    std::to_chars(std::ranges::copy(folder, path.begin()).out, path.data() + path.size() - 1, found);
    return ::open(path.data(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // another process may have a lease
}

FileFacts facts_of(const struct stat& status) noexcept {
    return {static_cast<std::uint64_t>(status.st_size), status.st_dev, status.st_ino, status.st_mtim, status.st_ctim};
}

// A file beneath a folder, of any kind, which is not open for anything.
struct Found {
    Found(int folder, const std::string& relative) noexcept : file(find_beneath(folder, relative.c_str())) {
        if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) error = errno;
    }
    bool is(const struct stat& other) const noexcept {
        return error == 0 && status.st_dev == other.st_dev && status.st_ino == other.st_ino;
    }

    File file;
    struct stat status{};
    int error = 0;
};

OpenResult result_of(int error) noexcept {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV: // beyond the root
    case ENAMETOOLONG:
        return OpenResult::not_found;
    case EACCES:
    case EPERM:
        return OpenResult::forbidden;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return OpenResult::busy;
    default:
        return OpenResult::failed;
    }
}

} // namespace

DocumentRoot::DocumentRoot(const std::string& path)
    : path_(std::filesystem::absolute(path)), folder_(open_folder(path_.c_str())) {
    if (!folder_) throw std::system_error(errno, std::generic_category(), "cannot open " + path_);
    const File self(find_beneath(folder_->file.fd(), "."));
    if (self.fd() < 0 && errno == ENOSYS)
        throw std::runtime_error("needs the system call openat2 (Linux 5.6), which this kernel does not have");
    if (self.fd() < 0) throw std::system_error(errno, std::generic_category(), "cannot read " + path_);
    const File again(open_found(self.fd()));
    if (again.fd() < 0 && errno == ENOENT) throw std::runtime_error("needs /proc, which is not mounted here");
    if (again.fd() < 0) throw std::system_error(errno, std::generic_category(), "cannot read " + path_);
}

// Null, and errno, if there is none.
std::shared_ptr<const DocumentRoot::Folder> DocumentRoot::open_folder(const char* path) {
    File file(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) return nullptr;
    return std::make_shared<const Folder>(Folder{std::move(file), status.st_dev, status.st_ino});
}

std::shared_ptr<const DocumentRoot::Folder> DocumentRoot::folder() const {
    const std::lock_guard lock(mutex_);
    return folder_;
}

std::shared_ptr<const DocumentRoot::Folder> DocumentRoot::latest_folder() const {
    struct stat status{};
    const bool exists = ::stat(path_.c_str(), &status) == 0;
    const std::lock_guard lock(mutex_);
    if (!exists || (status.st_dev == folder_->device && status.st_ino == folder_->inode)) return folder_;
    if (auto next = open_folder(path_.c_str())) folder_ = std::move(next);
    return folder_;
}

OpenResult DocumentRoot::open(const std::string& relative, const std::timespec& now, OpenFile& file) const noexcept try {
    struct stat named{};
    const bool exists = ::stat(full(relative).c_str(), &named) == 0;
    return open(relative, exists ? &named : nullptr, now, file);
} catch (const std::bad_alloc&) {
    return OpenResult::busy;
}

OpenResult DocumentRoot::open_if_there(const std::string& relative, const std::timespec& now, OpenFile& file) const noexcept
    try {
    struct stat named{};
    if (::stat(full(relative).c_str(), &named) != 0) return OpenResult::not_found;
    return open(relative, &named, now, file);
} catch (const std::bad_alloc&) {
    return OpenResult::busy;
}

bool DocumentRoot::has_file(const std::string& relative) const noexcept try {
    struct stat named{};
    return ::stat(full(relative).c_str(), &named) == 0 && S_ISREG(named.st_mode);
} catch (const std::bad_alloc&) {
    return false;
}

OpenResult DocumentRoot::open(const std::string& relative, const struct stat* named, const std::timespec& now,
                              OpenFile& file) const {
    // stat() takes the plain name of the file, past the border's guard: it only tells whether the file is still the one that
    // the guard has let through, or that it is found in the latest folder.
    if (named != nullptr) {
        file.kept = cache_->find(relative);
        if (file.kept && file.kept->facts == facts_of(*named)) {
            file.facts = file.kept->facts;
            return OpenResult::file;
        }
        file.kept.reset();
    }

    auto from = folder();
    Found found(from->file.fd(), relative);
    if (named == nullptr || !found.is(*named)) {
        if (auto latest = latest_folder(); latest != from) {
            from = std::move(latest);
            found = Found(from->file.fd(), relative);
        }
    }
    if (found.error != 0) return result_of(found.error);
    if (S_ISDIR(found.status.st_mode)) return OpenResult::directory;
    if (!S_ISREG(found.status.st_mode)) return OpenResult::not_found;
    file.file = File(open_found(found.file.fd()));
    if (file.file.fd() < 0) return result_of(errno);
    file.facts = facts_of(found.status);
    if (file.facts.size <= largest_kept && FileCache::may_keep(file.facts, now)) keep(relative, file);
    return OpenResult::file;
}

OpenResult DocumentRoot::list(const std::string& relative, std::size_t most, Listing& listing) const noexcept try {
    const auto from = latest_folder();
    const Found found(from->file.fd(), relative.empty() ? "." : relative);
    if (found.error != 0) return result_of(found.error);
    if (!S_ISDIR(found.status.st_mode)) return OpenResult::not_found;
    const int fd = open_found(found.file.fd());
    if (fd < 0) return result_of(errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd), ::closedir);
    if (!folder) {
        ::close(fd);
        return OpenResult::busy;
    }
    const std::string prefix = relative.empty() ? "" : relative + '/';
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string name = entry->d_name;
        if (is_hidden(prefix + name)) continue;
        if (listing.entries.size() == most) {
            listing.complete = false;
            break;
        }
        struct stat status{};
        if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISLNK(status.st_mode)) { // it is there if it leads to something that is served
            const Found target(from->file.fd(), prefix + name);
            if (target.error != 0) continue;
            status = target.status;
        }
        if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) continue;
        listing.entries.push_back(
            {name, S_ISDIR(status.st_mode), static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec});
    }
    listing.sort();
    return OpenResult::directory;
} catch (const std::bad_alloc&) {
    return OpenResult::busy;
}

void DocumentRoot::keep(const std::string& relative, OpenFile& file) const {
    auto entry = std::make_shared<FileCache::Entry>(FileCache::Entry{relative, file.facts, {}});
    entry->content.resize(file.facts.size + 1); // one more, to see the end
    std::size_t size = 0;
    while (true) {
        const ssize_t got =
            ::pread(file.file.fd(), entry->content.data() + size, entry->content.size() - size, static_cast<off_t>(size));
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size != file.facts.size) return; // it changes, or it is none that a disk has
    entry->content.resize(size);
    file.kept = entry;
    cache_->keep(std::move(entry));
}

} // namespace http
