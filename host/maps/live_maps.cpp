#include "maps/live_maps.hpp"

#include "base/printable.hpp"
#include "base/replace_file.hpp"
#include "base/text_file.hpp"
#include "maps/map_watch.hpp"

#include <optional>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr FileLimits file_limits{NameMap::most_bytes, "one with a name and its value on each line"};

} // namespace

std::shared_ptr<const NameMap> read_map(const std::filesystem::path& file, std::string& problems) {
    std::optional<std::string> text = read_text_file(file, file_limits, problems);
    if (!text) return nullptr;
    std::vector<std::string> wrong;
    auto map = std::make_shared<const NameMap>(std::move(*text), wrong);
    problems.clear();
    for (const std::string& line : wrong) problems += (problems.empty() ? "" : "\n") + printable(file.native()) + ':' + line;
    return wrong.empty() ? map : nullptr;
}

LiveMap::LiveMap(const MapConfig& config, Log& log) : config_(config), log_(log) {
    std::string problems;
    const MutexLock lock(mutex_);
    map_ = read_map(config_.file, problems);
    if (map_) return;
    std::string text;
    for_each_line(problems, [&](std::string_view problem, std::size_t number) {
        text +=
            (number > 1 ? "\n" : "") + config_.file_where.text + ": maps." + config_.name + ".file: " + std::string(problem);
    });
    throw MapError(text);
}

std::shared_ptr<const NameMap> LiveMap::map() const noexcept {
    const MutexLock lock(mutex_);
    return map_;
}

LiveMap::Value LiveMap::find(const ServerName& name) const {
    if (name.empty()) return {};
    const std::shared_ptr<const NameMap> now = map();
    if (const NameMap::Entry* const entry = now->find(name))
        return {std::string(entry->value), config_.file.native() + ':' + std::to_string(entry->line)};
    return config_.otherwise.empty() ? Value() : Value{config_.otherwise, config_.otherwise_where.text};
}

std::string LiveMap::refresh() {
    const MutexLock one_at_a_time(reading_);
    std::string problems;
    std::shared_ptr<const NameMap> fresh = read_map(config_.file, problems);
    if (!fresh) {
        log_.error("map not reloaded, the old one stays", {{"map", config_.name}, {"problem", problems}});
        return problems;
    }
    if (fresh->text() != map()->text()) put_to_use(std::move(fresh));
    return "";
}

void LiveMap::put_to_use(std::shared_ptr<const NameMap> fresh) {
    const std::size_t names = fresh->entries().size();
    {
        const MutexLock lock(mutex_);
        map_.swap(fresh);
    }
    // Who reads that it is so finds it so. The last reader of the old one deletes it, or this does.
    log_.info("map reloaded", {{"map", config_.name}, {"names", names}});
}

std::string LiveMap::change(const Edit& edit) {
    const MutexLock one_at_a_time(reading_);
    std::string problem;
    const std::optional<std::string> text = read_text_file(config_.file, file_limits, problem);
    if (!text) return problem;
    std::vector<std::string> wrong;
    const NameMap before(*text, wrong);
    if (!wrong.empty()) return printable(config_.file.native()) + ':' + wrong.front() + "; mend the file first";
    return write(edit(*text, before));
}

std::string LiveMap::replace(const std::string& text) {
    const MutexLock one_at_a_time(reading_);
    return write(text);
}

std::string LiveMap::write(const std::string& text) {
    if (text.size() > file_limits.most) return "the file would be too large (expected at most 64 MiB)";
    std::vector<std::string> wrong;
    auto fresh = std::make_shared<const NameMap>(text, wrong);
    if (!wrong.empty()) return "line " + wrong.front();
    if (const std::string problem = replace_file(config_.file, text); !problem.empty())
        return printable(config_.file.native()) + ": " + problem;
    put_to_use(std::move(fresh));
    return "";
}

LiveMaps::LiveMaps(const std::vector<MapConfig>& configs, Log& log) : log_(log) {
    if (!configs.empty()) watch_ = std::make_shared<MapWatch>(configs, sections_, log); // before the files are read
    std::string problems;
    for (const MapConfig& config : configs) {
        try {
            sections_.emplace(config.name, std::make_shared<LiveMap>(config, log));
        } catch (const MapError& error) {
            problems += std::string(problems.empty() ? "" : "\n") + error.what();
        }
    }
    if (!problems.empty()) throw MapError(problems);
}

void LiveMaps::watch(Background& background) {
    if (!watch_) return;
    watch_->use(background);
    if (!background.add(watch_, monotonic_now())) {
        log_.warning("maps are not loaded again when they change: no thread or memory for that");
        return;
    }
    background_ = &background;
}

void LiveMaps::unwatch() noexcept {
    if (background_ == nullptr) return;
    background_->remove(*watch_);
    watch_->stop();
}

void LiveMaps::reload() noexcept {
    if (background_ != nullptr) watch_->reload();
}

} // namespace gatehouse::host
