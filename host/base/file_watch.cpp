#include "base/file_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <optional>
#include <sys/inotify.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr int most_links = 40; // as in the kernel

constexpr std::uint32_t of_itself = IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD;
// Not IN_MODIFY: it comes while the file is still being written. Every writer closes the file at the end.
constexpr std::uint32_t of_names =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR | IN_MASK_ADD;

// Where a link leads; nothing, and errno: it is none.
std::optional<std::string> target_of(const std::string& path) {
    std::array<char, PATH_MAX> target; // not initialised: filled by readlink
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(size));
}

// Puts the parts of a path before those that are still to go.
void put_before(std::deque<std::string>& parts, std::string_view path) {
    while (!path.empty()) {
        const std::size_t slash = path.rfind('/');
        const std::string_view last = path.substr(slash == path.npos ? 0 : slash + 1);
        if (!last.empty()) parts.emplace_front(last);
        path = path.substr(0, slash == path.npos ? 0 : slash);
    }
}

} // namespace

FileWatch::FileWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

// Each part is watched before it is looked at, so a change is either seen here or has an event.
int FileWatch::follow(std::size_t id, const std::filesystem::path& file) {
    leave(id);
    std::deque<std::string> parts;
    const auto start = [&](std::string_view path) {
        put_before(parts, path);
        return std::string(path.starts_with('/') ? "/" : "");
    };
    std::string folder = start(file.native());
    if (folder.empty()) folder = "./";
    int problem = 0;
    for (int links = 0; !parts.empty() && links <= most_links;) {
        const std::string name = std::move(parts.front());
        parts.pop_front();
        const std::string path = folder + name;
        if (!parts.empty() && watch(id, path, of_itself, "") == 0) {
            folder = path + '/';
            continue;
        }
        // A link, the file, something that is missing, or a folder that may be passed but not read.
        const int error = watch(id, folder, of_names, name);
        const std::optional<std::string> target = target_of(path);
        const bool passable = !target && !parts.empty() && errno == EINVAL;
        if (passable) {
            folder = path + '/';
            continue;
        }
        // What is no folder, or has just gone, is missing.
        if (problem == 0 && error != ENOTDIR && error != ENOENT) problem = error;
        if (!target) break;
        ++links;
        if (const std::string root = start(*target); !root.empty()) folder = root;
    }
    return problem;
}

int FileWatch::watch(std::size_t id, const std::string& folder, std::uint32_t events, std::string_view name) {
    const int number = ::inotify_add_watch(inotify_.get(), folder.c_str(), events);
    if (number < 0) return errno;
    const auto step = steps_.try_emplace({number, std::string(name)}).first;
    std::vector<std::size_t>& files = step->second;
    const auto at = std::lower_bound(files.begin(), files.end(), id);
    if (at != files.end() && *at == id) return 0; // the way leads here twice
    ways_[id].push_back(step);
    files.insert(at, id);
    return 0;
}

// Forgets the way to a file, and the folders that no other way leads through.
void FileWatch::leave(std::size_t id) {
    if (id >= ways_.size()) ways_.resize(id + 1);
    for (const Steps::iterator step : ways_[id]) {
        std::vector<std::size_t>& files = step->second;
        files.erase(std::lower_bound(files.begin(), files.end(), id));
        if (!files.empty()) continue;
        const int number = step->first.first;
        steps_.erase(step);
        const auto other = steps_.lower_bound({number, ""});
        if (other == steps_.end() || other->first.first != number) ::inotify_rm_watch(inotify_.get(), number);
    }
    ways_[id].clear();
}

void FileWatch::read(std::set<std::size_t>& changed) {
    if (!working()) return;
    alignas(inotify_event) std::array<char, 16384> buffer; // not initialised: filled by read
    for (;;) {
        const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return;
        for (ssize_t at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* name = buffer.data() + at + sizeof event;
            at += static_cast<ssize_t>(sizeof event + event.len);
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                for (std::size_t id = 0; id < ways_.size(); ++id) changed.insert(id);
            } else if (event.len != 0) {
                const auto step = steps_.find({event.wd, name});
                if (step != steps_.end()) changed.insert(step->second.begin(), step->second.end());
            } else { // the folder itself, and so all that is in it
                for (auto step = steps_.lower_bound({event.wd, ""}); step != steps_.end() && step->first.first == event.wd;
                     ++step)
                    changed.insert(step->second.begin(), step->second.end());
            }
        }
    }
}

} // namespace gatehouse::host
