#include "tls/reloader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <sys/epoll.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds slice = 5'000'000; // then other activities have their turn

constexpr std::size_t most_files = std::tuple_size_v<PartFiles>; // a file's id is most_files * its part's number + its index

} // namespace

TlsReloader::TlsReloader(const std::map<std::string, std::unique_ptr<TlsServer>>& servers, Background& background, Alarm& alarm,
                         Log& log)
    : background_(background), alarm_(alarm), log_(log) {
    for (const auto& [name, server] : servers)
        for (std::size_t i = 0; i < count_parts(server->config()); ++i) parts_.push_back({server.get(), i});
    for (std::size_t i = 0; i < parts_.size(); ++i) changed_.insert(i * most_files); // since they were loaded, perhaps
    changes_.complete_by(0);
}

std::uint64_t TlsReloader::reload() noexcept {
    std::uint64_t number = 0;
    {
        const MutexLock lock(mutex_);
        number = ++asked_;
    }
    background_.at(*this, monotonic_now());
    return number;
}

std::optional<std::string> TlsReloader::reloaded(std::uint64_t which) const {
    const MutexLock lock(mutex_);
    return done_ >= which ? std::optional(problems_) : std::nullopt;
}

bool TlsReloader::is_asked() const noexcept {
    const MutexLock lock(mutex_);
    return asked_ != done_;
}

void TlsReloader::due() noexcept {
    Nanoseconds again = never;
    try {
        again = work();
    } catch (const std::bad_alloc&) {
        log_.error("certificates not reloaded, the old ones stay", {{"problem", "no memory"}});
        to_load_.clear();
        to_publish_.clear();
        end_round("no memory"); // so short that std::string allocates none
        again = changes_.complete();
    }
    background_.at(*this, again);
    if (is_asked()) background_.at(*this, monotonic_now()); // since work() has looked
}

void TlsReloader::ready(int /*fd*/, std::uint32_t /*events*/) noexcept {
    const Nanoseconds now = monotonic_now();
    try {
        std::set<std::size_t> files;
        watch_.read(files);
        if (files.empty()) return;
        changed_.merge(files);
        changes_.changed(now);
    } catch (const std::bad_alloc&) {
        return not_watched(ENOMEM, "");
    }
    if (!loading_) background_.at(*this, is_asked() ? now : changes_.complete());
}

// One round after the other, step by step, until there is nothing to do or the slice is over. Returns when to go on.
Nanoseconds TlsReloader::work() {
    const Nanoseconds end = monotonic_now() + slice;
    if (!watching_) {
        watching_ = true;
        const int error = watch_.working() ? background_.watch(*this, watch_.descriptor(), EPOLLIN) : EMFILE;
        if (error != 0) not_watched(error, "");
    }
    do {
        if (!loading_ && !begin_round()) return changes_.complete();
        if (!to_load_.empty()) {
            const std::size_t number = to_load_.extract(to_load_.begin()).value();
            load(parts_[number], number);
        } else if (!to_publish_.empty()) {
            const std::string problems = to_publish_.extract(to_publish_.begin()).value()->publish(all_);
            if (!problems.empty()) (round_problems_ += round_problems_.empty() ? "" : "\n") += problems;
        } else {
            end_round(std::exchange(round_problems_, {}));
        }
    } while (monotonic_now() < end);
    return monotonic_now();
}

bool TlsReloader::begin_round() {
    all_ = is_asked();
    if (!all_ && changes_.complete() > monotonic_now()) return false;
    {
        const MutexLock lock(mutex_);
        round_answers_ = asked_;
    }
    loading_ = true;
    if (all_) {
        watch_failed_ = false;
        for (std::size_t i = 0; i < parts_.size(); ++i) to_load_.insert(to_load_.end(), i);
    }
    for (const std::size_t file : std::exchange(changed_, {})) to_load_.insert(file / most_files);
    changes_.read();
    return true;
}

// The files are followed first: a change from here on has an event of its own.
void TlsReloader::load(const Part& part, std::size_t number) {
    const PartFiles files = files_of_part(part.server->config(), part.index);
    for (std::size_t i = 0; i < files.size(); ++i)
        if (files[i] != nullptr && watch_.working())
            if (const int error = watch_.follow(number * most_files + i, files[i]->path); error != 0)
                not_watched(error, files[i]->path);
    to_publish_.insert(part.server);
    part.server->refresh(part.index);
}

void TlsReloader::end_round(std::string problems) noexcept {
    loading_ = false;
    const MutexLock lock(mutex_);
    done_ = round_answers_;
    problems_.swap(problems);
    alarm_.wake_by(monotonic_now());
}

void TlsReloader::not_watched(int error, const std::string& what) noexcept {
    if (!std::exchange(watch_failed_, true))
        log_.warning("certificates are not watched for changes; SIGHUP reloads them",
                     {{what.empty() ? "" : "path", what}, {"error", std::strerror(error)}});
}

} // namespace gatehouse::host
