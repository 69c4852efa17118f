#include "document_root.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
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

File::~File() {
    if (fd_ >= 0) ::close(fd_);
}

DocumentRoot::DocumentRoot(std::string path) : path_(std::move(path)), folder_(open_folder(path_.c_str())) {
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

std::shared_ptr<const DocumentRoot::Folder> DocumentRoot::current() const {
    struct stat status{};
    const bool exists = ::stat(path_.c_str(), &status) == 0;
    const std::lock_guard lock(mutex_);
    if (!exists || (status.st_dev == folder_->device && status.st_ino == folder_->inode)) return folder_;
    if (auto next = open_folder(path_.c_str())) folder_ = std::move(next);
    return folder_;
}

OpenResult DocumentRoot::open(const std::string& relative, File& file, FileFacts& facts) const noexcept try {
    const auto folder = current();
    const File found(find_beneath(folder->file.fd(), relative.c_str()));
    if (found.fd() < 0) return result_of(errno);
    struct stat status{};
    if (::fstat(found.fd(), &status) != 0) return OpenResult::failed;
    if (S_ISDIR(status.st_mode)) return OpenResult::directory;
    if (!S_ISREG(status.st_mode)) return OpenResult::not_found;
    File opened(open_found(found.fd()));
    if (opened.fd() < 0) return result_of(errno);
    facts = {static_cast<std::uint64_t>(status.st_size), status.st_ino, status.st_mtim, status.st_ctim};
    file = std::move(opened);
    return OpenResult::file;
} catch (const std::bad_alloc&) {
    return OpenResult::busy;
}

} // namespace http
