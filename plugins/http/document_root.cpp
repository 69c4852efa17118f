#include "document_root.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace http {

namespace {

int open_beneath(int root, const char* path) noexcept {
    open_how how{};
    // O_NONBLOCK: a FIFO must not hold the thread until another process writes to it.
    how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
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

OpenResult result_of(int error) noexcept {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV: // beyond the root
    case ENAMETOOLONG:
    case ENXIO: // a socket
    case ENODEV:
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

DocumentRoot::DocumentRoot(const std::string& path) : root_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (root_.fd() < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + path);
    const File self(open_beneath(root_.fd(), "."));
    if (self.fd() >= 0) return;
    if (errno == ENOSYS) throw std::runtime_error("needs the system call openat2 (Linux 5.6), which this kernel does not have");
    throw std::system_error(errno, std::generic_category(), "cannot read " + path);
}

OpenResult DocumentRoot::open(const std::string& relative, File& file, FileFacts& facts) const noexcept {
    File opened(open_beneath(root_.fd(), relative.c_str()));
    if (opened.fd() < 0) return result_of(errno);
    struct stat status{};
    if (::fstat(opened.fd(), &status) != 0) return OpenResult::failed;
    if (S_ISDIR(status.st_mode)) return OpenResult::directory;
    if (!S_ISREG(status.st_mode)) return OpenResult::not_found;
    facts.size = static_cast<std::uint64_t>(status.st_size);
    facts.inode = status.st_ino;
    facts.modified = status.st_mtim.tv_sec;
    facts.nanoseconds = status.st_mtim.tv_nsec;
    file = std::move(opened);
    return OpenResult::file;
}

} // namespace http
