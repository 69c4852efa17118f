#include "generations.hpp"

#include "base/if_memory_allows.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_waiting = 16; // reloads
constexpr std::size_t most_done = 16;
constexpr Nanoseconds try_again = 1'000'000'000; // if there was no thread or memory to forget a generation with

std::string_view name_of(Generations::Outcome::What what) noexcept {
    switch (what) {
    case Generations::Outcome::What::applied:
        return "applied";
    case Generations::Outcome::What::same:
        return "nothing has changed";
    case Generations::Outcome::What::refused:
        break;
    }
    return "refused";
}

// Gives `next` what a running process cannot change. Returns what that is, a line each.
std::string keep_what_needs_a_restart(Config& next, const Config& running) {
    std::string waits;
    const auto keep = [&](auto& theirs, const auto& ours, const char* key) {
        if (theirs == ours) return;
        theirs = ours;
        waits += (waits.empty() ? "" : "\n") + std::string(key) + " needs a restart";
    };
    keep(next.process, running.process, "[process]");
    keep(next.host.relay_threads, running.host.relay_threads, "host.relay_threads");
    keep(next.host.scheduling, running.host.scheduling, "host.scheduling");
    keep(next.host.stack_size, running.host.stack_size, "host.stack_size");
    keep(next.host.resolvers, running.host.resolvers, "host.resolvers");
    keep(next.host.control, running.host.control, "host.control");
    keep(next.host.control_readers, running.host.control_readers, "host.control_readers");
    keep(next.log.level, running.log.level, "log.level");
    keep(next.log.format, running.log.format, "log.format");
    keep(next.log.file, running.log.file, "log.file");
    return waits;
}

} // namespace

std::vector<const Generation*> Generations::all() const {
    std::vector<const Generation*> all{now_.get()};
    for (auto old = old_.rbegin(); old != old_.rend(); ++old)
        if (!(*old)->given) all.push_back((*old)->generation.get());
    return all;
}

// --- a reload ------------------------------------------------------------------------------------------------------------

std::uint64_t Generations::reload(const Load& load, const std::string& by, bool of_file) noexcept {
    if (draining_) return 0;
    if (of_file && makings_.size() > 1 && makings_.back()->of_file) return makings_.back()->number;
    if (makings_.size() >= most_waiting) return 0;
    const bool taken = if_memory_allows([&] {
        auto making = std::make_shared<Making>();
        making->number = last_reload_ + 1;
        making->load = load;
        making->by = by;
        making->of_file = of_file;
        makings_.push_back(std::move(making));
        ++last_reload_;
    });
    if (!taken) return 0;
    if (makings_.size() == 1) make_next();
    return last_reload_;
}

std::optional<Generations::Outcome> Generations::outcome(std::uint64_t reload) const {
    const auto found = std::ranges::find(done_, reload, [](const auto& making) { return making->number; });
    return found != done_.end() ? std::optional((*found)->outcome) : std::nullopt;
}

// Hands the first reload to the maker.
void Generations::make_next() noexcept {
    const std::shared_ptr<Making> making = makings_.front();
    making->begun = monotonic_now();
    if (maker_.post([this, making, &before = *now_] { make(*making, before); })) return;
    if_memory_allows([&] { making->outcome.text = "there is no thread or memory for it"; });
    making->made.store(true);
    standing_.alarm.wake_by(0);
}

// `before` serves at least until this reload has been concluded. [maker]
void Generations::make(Making& making, Generation& before) noexcept {
    Outcome& outcome = making.outcome;
    try {
        Config config = making.load();
        outcome.text = keep_what_needs_a_restart(config, before.config());
        if (config == before.config() && before.plugins().are_as_loaded(config)) {
            outcome.what = Outcome::What::same;
        } else {
            auto next = std::make_unique<Generation>(std::move(config), standing_, &before);
            next->take(endpoints_);
            next->prepare();
            next->listen();
            making.place_of_old.push_back(std::make_shared<Old>());
            making.next = std::move(next);
            outcome.what = Outcome::What::applied;
        }
    } catch (const std::bad_alloc&) {
        if_memory_allows([&] { outcome.text = "not enough memory"; });
    } catch (const std::exception& error) {
        if_memory_allows([&] { outcome.text = error.what(); });
    }
    making.made.store(true);
    standing_.alarm.wake_by(monotonic_now());
}

// Puts the generation to use, if there is one, and tells what has become of the reload.
void Generations::conclude(Making& making) noexcept {
    Outcome& outcome = making.outcome;
    if (making.next && draining_) { // too late; it goes with the reload
        outcome.what = Outcome::What::refused;
        if_memory_allows([&] { outcome.text = "the host drains"; });
    } else if (making.next) {
        making.next->accept();
        retire(making.place_of_old, std::exchange(now_, std::move(making.next)));
    }
    outcome.generation = now_->number();
    outcome.took = monotonic_now() - making.begun;
    if_memory_allows([&] {
        const LogLevel level = outcome.what == Outcome::What::refused ? LogLevel::error : LogLevel::info;
        standing_.log.write(level, "reload",
                            {{"result", name_of(outcome.what)},
                             {"generation", outcome.generation},
                             {"ms", outcome.took / 1'000'000},
                             {"by", making.by},
                             {outcome.text.empty() ? "" : "why", outcome.text}});
    });
    // Certificates are watched where the file system tells of changes, and it may not.
    if (outcome.what == Outcome::What::same) now_->tls().reload();
    concluded_(outcome);
}

// --- old generations -----------------------------------------------------------------------------------------------------

void Generations::retire(std::list<std::shared_ptr<Old>>& place, std::unique_ptr<Generation> generation) noexcept {
    const HostConfig& host = now_->config().host;
    const std::shared_ptr<Old>& old = place.front();
    old->generation = std::move(generation);
    if (const Milliseconds left = std::max(host.old_timeout - host.drain_timeout, Milliseconds(0));
        host.old_timeout.count() > 0)
        old->drain_at = plus(monotonic_now(), left.count() * 1'000'000);
    undertaker_.post([old] { old->generation->tls().unwatch(); }); // new connections are not its own any more
    old_.splice(old_.end(), place);
}

// Joins its threads and destroys its plugins, on the undertaker's thread, which may wait for what a plugin still does.
void Generations::bury(const std::shared_ptr<Old>& old) noexcept {
    if (!old->told) report_closed(*old->generation);
    old->told = true;
    old->given = undertaker_.post([old, &alarm = standing_.alarm] {
        old->generation->plugins().stop();
        (void)old->generation->stop(never);
        old->generation.reset();
        old->gone.store(true);
        alarm.wake_by(monotonic_now());
    });
}

// The last status of the listeners that no longer are.
void Generations::report_closed(const Generation& old) const noexcept {
    if_memory_allows([&] {
        for (const auto& service : old.services())
            if (!now_->has(service->config.name)) log_status(standing_.log, service->status());
    });
}

Nanoseconds Generations::supervise(Nanoseconds now) noexcept {
    while (!makings_.empty() && makings_.front()->made.load()) {
        conclude(*makings_.front());
        if_memory_allows([&] {
            if (done_.size() == most_done) done_.pop_front();
            done_.push_back(makings_.front());
        });
        makings_.pop_front();
        if (!makings_.empty()) make_next();
    }
    Nanoseconds again = now_->supervise(now);
    for (const std::shared_ptr<Old>& old : old_) {
        if (old->given) continue;
        again = std::min(again, old->generation->supervise(now));
        if (now >= old->drain_at && old->deadline == never) {
            old->deadline = now + now_->config().host.drain_timeout.count() * 1'000'000;
            old->generation->begin_drain(old->deadline);
        }
        if (old->generation->is_quiet()) bury(old);
        if (old->given) continue;
        if (old->generation->is_quiet())
            again = std::min(again, now + try_again);
        else
            again = std::min(again, old->deadline == never ? old->drain_at : std::max(old->deadline, now + 1'000'000));
    }
    std::erase_if(old_, [](const std::shared_ptr<Old>& old) { return old->gone.load(); });
    return again;
}

// --- the end -------------------------------------------------------------------------------------------------------------

void Generations::begin_drain(Nanoseconds deadline) noexcept {
    draining_ = true;
    now_->begin_drain(deadline);
    for (const std::shared_ptr<Old>& old : old_) {
        if (old->given || old->deadline != never) continue;
        old->deadline = deadline;
        old->generation->begin_drain(deadline);
    }
}

bool Generations::is_quiet() const noexcept {
    return now_->is_quiet() &&
           std::ranges::all_of(old_, [](const auto& old) { return old->given || old->generation->is_quiet(); });
}

bool Generations::stop(Nanoseconds deadline) noexcept {
    const auto end = [&](Jobs& jobs, const char* problem) {
        if (jobs.stop(deadline)) return true;
        standing_.log.error(problem);
        return false;
    };
    bool all = end(maker_, "a plugin is still being created or started; leaving without it");
    all = end(undertaker_, "a plugin of an old generation is still in its own code; leaving without it") && all;
    all = now_->stop(deadline) && all;
    for (const std::shared_ptr<Old>& old : old_)
        if (!old->given) all = old->generation->stop(deadline) && all;
    for (const std::shared_ptr<Old>& old : old_)
        if (!old->given) report_closed(*old->generation);
    return all;
}

} // namespace gatehouse::host
