#include "change_watch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <sys/epoll.h>
#include <utility>

namespace gatehouse::host {

void ChangeWatch::follow(std::vector<std::filesystem::path> files) noexcept {
    {
        const MutexLock lock(mutex_);
        files_.swap(files);
        is_new_ = true;
    }
    background_.at(*this, monotonic_now());
}

void ChangeWatch::due() noexcept {
    try {
        std::vector<std::filesystem::path> files;
        bool is_new = false;
        {
            const MutexLock lock(mutex_);
            files = files_;
            is_new = std::exchange(is_new_, false);
        }
        if (is_new) {
            // Who follows a file anew hears nothing of what has happened to it since it was read.
            look(files);
            if (note_stamps(files)) changes_.changed(monotonic_now());
        }
        if (changes_.complete() <= monotonic_now()) note_stamps(files); // before they are read
    } catch (const std::bad_alloc&) {
        not_watched(ENOMEM, "");
    }
    if (changes_.complete() <= monotonic_now()) {
        changes_.read();
        changed_.store(true);
        alarm_.wake_by(0);
    }
    background_.at(*this, changes_.complete());
    const MutexLock lock(mutex_);
    if (is_new_) background_.at(*this, monotonic_now()); // since this has looked
}

// Whether one of those that were known has another stamp now.
bool ChangeWatch::note_stamps(const std::vector<std::filesystem::path>& files) {
    bool changed = false;
    for (const std::filesystem::path& file : files) {
        const FileStamp now = stamp_of(file);
        const auto [known, is_new] = stamps_.emplace(file, now);
        changed = changed || known->second != now;
        known->second = now;
    }
    return changed;
}

void ChangeWatch::look(const std::vector<std::filesystem::path>& files) {
    if (!std::exchange(watching_, true)) {
        const int error = watch_.working() ? background_.watch(*this, watch_.descriptor(), EPOLLIN) : EMFILE;
        if (error != 0) not_watched(error, "");
    }
    for (std::size_t i = 0; i < files.size() && watch_.working(); ++i)
        if (const int error = watch_.follow(i, files[i]); error != 0) not_watched(error, files[i].string());
}

void ChangeWatch::ready(int /*fd*/, std::uint32_t /*events*/) noexcept {
    const Nanoseconds now = monotonic_now();
    try {
        std::set<std::size_t> changed;
        watch_.read(changed);
        if (changed.empty()) return;
        std::vector<std::filesystem::path> files;
        {
            const MutexLock lock(mutex_);
            files = files_;
        }
        std::erase_if(changed, [&](std::size_t file) { return file >= files.size(); }); // of earlier ones
        if (changed.empty()) return;
        look(files); // the way to one may lead elsewhere now
    } catch (const std::bad_alloc&) {
        return not_watched(ENOMEM, "");
    }
    changes_.changed(now);
    background_.at(*this, changes_.complete());
}

void ChangeWatch::not_watched(int error, const std::string& file) noexcept {
    if (!std::exchange(failed_, true))
        log_.warning("files are not watched for changes; SIGHUP applies them",
                     {{file.empty() ? "" : "path", file}, {"error", std::strerror(error)}});
}

} // namespace gatehouse::host
