#include "base/replace_file.hpp"

#include "base/descriptor.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

bool write_all(int fd, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t size = ::write(fd, text.data(), text.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

} // namespace

std::string replace_file(const std::filesystem::path& file, std::string_view text) {
    const auto failed = [] { return std::string("cannot be written: ") + std::strerror(errno); };
    std::error_code error;
    const std::filesystem::path itself = std::filesystem::canonical(file, error);
    if (error) return "cannot be written: " + error.message();
    struct stat status{};
    if (::stat(itself.c_str(), &status) != 0) return failed();
    std::string name = (itself.parent_path() / ("." + itself.filename().native() + ".XXXXXX")).native();
    const Descriptor fresh(::mkostemp(name.data(), O_CLOEXEC));
    if (!fresh) return failed();
    // Only root may give it to the old owner, and in a user namespace not even root; who may not has to make do with the group,
    // if it is one of its own, and the permissions.
    const auto may_not = [] { return errno == EPERM || errno == EINVAL; };
    const bool owned = ::fchown(fresh.get(), status.st_uid, status.st_gid) == 0 ||
                       (may_not() && (::fchown(fresh.get(), static_cast<uid_t>(-1), status.st_gid) == 0 || may_not()));
    if (owned && ::fchmod(fresh.get(), status.st_mode & 0777U) == 0 && write_all(fresh.get(), text) &&
        ::fsync(fresh.get()) == 0 && ::rename(name.c_str(), itself.c_str()) == 0)
        return "";
    std::string problem = failed();
    ::unlink(name.c_str());
    return problem;
}

} // namespace gatehouse::host
