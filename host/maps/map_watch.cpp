#include "maps/map_watch.hpp"

#include "base/if_memory_allows.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <sys/epoll.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds try_again = 1'000'000'000; // without a thread or memory

} // namespace

MapWatch::MapWatch(const std::vector<MapConfig>& configs, const LiveMaps::Sections& sections, Log& log)
    : configs_(configs), sections_(sections), log_(log) {
    for (std::size_t i = 0; i < configs_.size() && watch_.working(); ++i) follow(i);
}

void MapWatch::follow(std::size_t map) {
    if (const int error = watch_.follow(map, configs_[map].file); error != 0) not_watched(error, configs_[map].file.native());
}

void MapWatch::reload() noexcept {
    all_.store(true);
    background_->at(*this, monotonic_now());
}

void MapWatch::due() noexcept {
    const Nanoseconds now = monotonic_now();
    if (!std::exchange(watching_, true)) {
        const int error = watch_.working() ? background_->watch(*this, watch_.descriptor(), EPOLLIN) : EMFILE;
        if (error != 0) not_watched(error, "");
    }
    try {
        if (all_.exchange(false)) {
            for (std::size_t i = 0; i < configs_.size(); ++i) changed_.insert(i);
            changes_.complete_by(now);
        }
        if (changes_.complete() <= now) {
            changes_.read();
            if (!post_reading()) changes_.complete_by(now + try_again);
        }
    } catch (const std::bad_alloc&) {
        changes_.complete_by(now + try_again);
    }
    background_->at(*this, changes_.complete());
    if (all_.load()) background_->at(*this, now); // since this has looked
}

// False: there is no thread or memory for it.
bool MapWatch::post_reading() {
    std::vector<std::shared_ptr<LiveMap>> maps;
    maps.reserve(changed_.size());
    for (const std::size_t i : changed_) maps.push_back(sections_.at(configs_[i].name));
    const bool posted = jobs_.post([maps = std::move(maps), &log = log_] {
        for (const std::shared_ptr<LiveMap>& map : maps)
            if (!if_memory_allows([&] { map->refresh(); }))
                log.error("map not reloaded, the old one stays", {{"map", map->config().name}, {"problem", "no memory"}});
    });
    if (posted) changed_.clear();
    return posted;
}

void MapWatch::ready(int /*fd*/, std::uint32_t /*events*/) noexcept {
    try {
        std::set<std::size_t> files;
        watch_.read(files);
        if (files.empty()) return;
        for (const std::size_t file : files) follow(file); // the way to it may lead elsewhere now
        changed_.merge(files);
    } catch (const std::bad_alloc&) {
        return not_watched(ENOMEM, "");
    }
    changes_.changed(monotonic_now());
    background_->at(*this, changes_.complete());
}

void MapWatch::not_watched(int error, const std::string& file) noexcept {
    if (!std::exchange(failed_, true))
        log_.warning("maps are not watched for changes; SIGHUP reloads them",
                     {{file.empty() ? "" : "path", file}, {"error", std::strerror(error)}});
}

} // namespace gatehouse::host
