#include "tls/file_watch.hpp"

#include <array>
#include <cerrno>
#include <sys/inotify.h>

namespace gatehouse::host {

FileWatch::FileWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

bool FileWatch::add(const std::filesystem::path& file) {
    // Not IN_MODIFY: it comes while the file is still being written. Every writer closes the file at the end.
    constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR;
    const auto watch_folder_of = [&](const std::filesystem::path& path) {
        const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
        return ::inotify_add_watch(inotify_.get(), folder.c_str(), events) >= 0;
    };
    std::error_code error;
    const std::filesystem::path target = std::filesystem::canonical(file, error);
    if (!error && !watch_folder_of(target)) return false;
    return watch_folder_of(file);
}

bool FileWatch::happened() noexcept {
    if (!working()) return false;
    alignas(inotify_event) std::array<char, 4096> buffer; // not initialised: the events are not looked at
    bool any = false;
    for (;;) {
        const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return any;
        any = true;
    }
}

} // namespace gatehouse::host
