#include "generations.hpp"

#include "base/if_memory_allows.hpp"
#include "config/fingerprint.hpp"
#include "config/plan.hpp"
#include "config/plan_text.hpp"
#include "host_record.hpp"

#include <algorithm>
#include <exception>
#include <malloc.h>
#include <new>
#include <stdexcept>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_waiting = 16; // orders
constexpr std::ptrdiff_t most_plans = 4; // of them: who may only look keeps nobody from a change
constexpr std::size_t most_done = 16;
constexpr std::size_t most_versions = 10;
constexpr Nanoseconds try_again = 1'000'000'000; // if there was no thread or memory to forget a generation with

using Outcome = Generations::Outcome;

std::string_view name_of(Outcome::What what) noexcept {
    switch (what) {
    case Outcome::What::applied:
        return "applied";
    case Outcome::What::same:
        return "nothing has changed";
    case Outcome::What::planned:
        return "planned";
    case Outcome::What::refused:
        break;
    }
    return "refused";
}

std::string in_a_row(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
    return all;
}

// What has become of the files of the plugins that stay, for people: "library 1.1.4 -> 1.2.0". Each is tried in a process of
// its own. Throws PluginError if one cannot be loaded.
std::map<std::string, std::string, std::less<>> changed_libraries(const Config& next, const Generation& running,
                                                                  const PluginLibraries::ByFile& chosen) {
    std::map<std::string, std::string, std::less<>> remarks;
    const PluginLibraries::ByFile loaded = running.plugins().libraries();
    std::string problems;
    for (const PluginConfig& plugin : next.plugins) {
        try {
            const std::filesystem::path file = file_of(plugin, next.host.plugin_path, chosen);
            const auto old = loaded.find(file);
            if (old == loaded.end()) continue;
            const auto known = chosen.find(file);
            if (known != chosen.end() ? known->second == old->second : old->second->is_as_loaded()) continue;
            const std::string version =
                known != chosen.end() ? known->second->facts().version : running.standing().libraries.look_at(file).version;
            remarks["plugins." + plugin.name] = "library " + old->second->facts().version + " -> " + version;
        } catch (const PluginError& error) {
            problems += (problems.empty() ? "" : "\n") + plugin.where.text + ": " + error.what();
        }
    }
    if (!problems.empty()) throw PluginError(problems);
    return remarks;
}

} // namespace

void Generations::make_first(Config&& config) {
    now_ = std::make_unique<Generation>(std::move(config), standing_);
    versions_.push_back(std::make_shared<Version>(
        Version{now_->number(), now_->since(), "the file", "the start", now_->shared_config(), now_->plugins().libraries()}));
    tell_record();
}

std::vector<Generation*> Generations::all() const {
    std::vector<Generation*> all{now_.get()};
    for (auto old = old_.rbegin(); old != old_.rend(); ++old)
        if (!(*old)->given && !(*old)->unused) all.push_back((*old)->generation.get());
    return all;
}

std::shared_ptr<const Generations::Version> Generations::version(unsigned generation) const noexcept {
    const auto found = std::ranges::find(versions_, generation, [](const auto& version) { return version->generation; });
    return found != versions_.end() ? *found : nullptr;
}

// --- an order ------------------------------------------------------------------------------------------------------------

std::uint64_t Generations::order(Order order) {
    if (draining_ || held_ || makings_.size() >= most_waiting) return 0;
    const auto plans = std::ranges::count_if(makings_, [](const auto& making) { return making->order.only_plan; });
    if (order.only_plan && plans >= most_plans) return 0;
    add(std::move(order), false);
    return last_order_;
}

std::uint64_t Generations::order_file(const std::string& by) noexcept {
    if (draining_ || held_) return 0;
    if (makings_.size() > 1 && makings_.back()->of_file) return makings_.back()->number;
    if (makings_.size() >= most_waiting) return 0;
    const bool added = if_memory_allows([&] {
        Order file;
        file.load = load_;
        file.by = by;
        add(std::move(file), true);
    });
    return added ? last_order_ : 0;
}

void Generations::add(Order order, bool of_file) {
    auto making = std::make_shared<Making>();
    making->number = last_order_ + 1;
    making->order = std::move(order);
    making->of_file = of_file;
    makings_.push_back(std::move(making));
    ++last_order_;
    if (makings_.size() == 1) make_next();
}

std::optional<Outcome> Generations::outcome(std::uint64_t order) const {
    const auto found = std::ranges::find(done_, order, [](const auto& making) { return making->number; });
    return found != done_.end() ? std::optional((*found)->outcome) : std::nullopt;
}

bool Generations::hold() noexcept {
    if (draining_ || held_ || !makings_.empty() || confirm_by_ != never) return false;
    return held_ = true;
}

std::uint64_t Generations::resume() noexcept {
    const bool added = if_memory_allows([&] {
        Order again;
        again.version = versions_.back();
        again.by = "the host, which accepts again";
        again.even_if_same = true;
        add(std::move(again), false);
    });
    held_ = held_ && !added;
    return added ? last_order_ : 0;
}

// Hands the first order to the maker.
void Generations::make_next() noexcept {
    const std::shared_ptr<Making> making = makings_.front();
    making->begun = monotonic_now();
    if (maker_.post([this, making, &before = *now_] { make(*making, before); })) return;
    if_memory_allows([&] { making->outcome.why = "there is no thread or memory for it"; });
    making->made.store(true);
    standing_.alarm.wake_by(0);
}

// `before` serves at least until this order has been concluded. [maker]
void Generations::make(Making& making, Generation& before) noexcept {
    Outcome& outcome = making.outcome;
    try {
        make_from(making.order.load ? making.order.load() : *making.order.version->config, making, before);
    } catch (const std::bad_alloc&) {
        if_memory_allows([&] { outcome.why = "not enough memory"; });
    } catch (const std::exception& error) {
        if_memory_allows([&] { outcome.why = error.what(); });
    }
    making.made.store(true);
    standing_.alarm.wake_by(monotonic_now());
}

void Generations::make_from(Config config, Making& making, Generation& before) {
    const Order& order = making.order;
    Outcome& outcome = making.outcome;
    static const PluginLibraries::ByFile none;
    const PluginLibraries::ByFile& libraries = order.version ? order.version->libraries : none;

    const Plan plan = plan_of(before.config(), config);
    PlanNotes notes;
    notes.remarks = changed_libraries(config, before, libraries);
    outcome.plan_id = gatehouse::host::plan_id(before.number(), config);
    outcome.waiting = plan.waiting();
    if (order.only_plan) {
        notes.lines = order.notes;
        for (const auto& service : before.services()) notes.connections[service->config.name] = service->open();
        outcome.plan_text = plan_text(plan, notes);
        outcome.plan_json = Json::raw(plan_json(plan, notes).line()); // so that the main thread need not
    }
    if (!order.plan_id.empty() && order.plan_id != outcome.plan_id)
        throw std::runtime_error("the plan is " + outcome.plan_id + " by now, and not " + order.plan_id +
                                 ": the file or the host has changed since; look at the plan again");
    config = with_restart_keys_of(before.config(), std::move(config));
    if (!order.version) config.files.waiting.clear(); // those of an earlier generation wait as they did
    config.files.waiting.insert(config.files.waiting.end(), outcome.waiting.begin(), outcome.waiting.end());
    const bool changes = outcome.waiting.empty() ? !plan.empty() : !plan_of(before.config(), config).empty();
    if (!changes && notes.remarks.empty() && !order.even_if_same) {
        outcome.what = Outcome::What::same;
        return;
    }
    if (order.only_plan) {
        outcome.what = Outcome::What::planned;
        return;
    }
    making.place_of_old.push_back(std::make_shared<Old>()); // for the one before, or for this one if a step fails
    making.next = std::make_unique<Generation>(std::move(config), standing_, &before, libraries);
    Generation& next = *making.next;
    next.take(endpoints_);
    next.prepare();
    next.listen();
    const std::string from =
        order.version ? "generation " + std::to_string(order.version->generation) : std::string("the file");
    making.version.push_back(std::make_shared<Version>(
        Version{next.number(), next.since(), from, order.by, next.shared_config(), next.plugins().libraries()}));
    outcome.what = Outcome::What::applied;
}

// Puts the generation to use, if there is one, and tells what has become of the order.
void Generations::conclude(Making& making) noexcept {
    Outcome& outcome = making.outcome;
    if (draining_ && outcome.what == Outcome::What::applied) { // too late
        outcome.what = Outcome::What::refused;
        if_memory_allows([&] { outcome.why = "the host drains"; });
    }
    if (making.next && outcome.what != Outcome::What::applied) { // it never accepts
        const std::shared_ptr<Old>& unused = making.place_of_old.front();
        unused->generation = std::move(making.next);
        unused->generation->give_up();
        unused->told = unused->unused = true;
        old_.splice(old_.end(), making.place_of_old);
    } else if (making.next) {
        making.next->accept();
        retire(making.place_of_old, std::exchange(now_, std::move(making.next)));
        // What runs for a try is no place to come back to.
        if (confirm_by_ == never) unless_confirmed_ = versions_.back();
        confirm_by_ = after(monotonic_now(), making.order.confirm_within);
        versions_.splice(versions_.end(), making.version);
        tell_record();
        if (versions_.size() > most_versions) {
            undertaker_.post([oldest = versions_.front()] {}); // ten thousand routes take a while to destroy
            versions_.pop_front();
        }
    }
    outcome.generation = now_->number();
    outcome.took = monotonic_now() - making.begun;
    if (making.order.only_plan) return;
    log_outcome(making);
    count(making);
    // Certificates and maps are watched where the file system tells of changes, and it may not.
    if (outcome.what == Outcome::What::same) {
        now_->tls().reload();
        now_->maps().reload();
    }
    concluded_(outcome);
}

void Generations::tell_record() noexcept {
    const std::shared_ptr<const Version>& version = versions_.back();
    standing_.record.runs(now_->view(), {version, &version->by});
}

void Generations::count(const Making& making) noexcept {
    using Reload = HostRecord::Reload;
    if (making.outcome.what == Outcome::What::refused)
        standing_.record.count_reload(Reload::refused);
    else if (making.outcome.what == Outcome::What::applied)
        standing_.record.count_reload(making.order.version ? Reload::rolled_back : Reload::applied);
}

void Generations::log_outcome(const Making& making) const noexcept {
    const Outcome& outcome = making.outcome;
    if_memory_allows([&] {
        const std::string waiting = in_a_row(outcome.waiting);
        standing_.log.write(outcome.what == Outcome::What::refused ? LogLevel::error : LogLevel::info, "reload",
                            {{"result", name_of(outcome.what)},
                             {"generation", outcome.generation},
                             {"ms", outcome.took / 1'000'000},
                             {"by", making.order.by},
                             {making.order.version ? "from" : "",
                              making.order.version ? "generation " + std::to_string(making.order.version->generation) : ""},
                             {waiting.empty() ? "" : "waiting", waiting},
                             {outcome.why.empty() ? "" : "why", outcome.why}});
    });
}

// Nobody has confirmed what runs: what ran before comes back.
Nanoseconds Generations::roll_back_if_due(Nanoseconds now) noexcept {
    if (now < confirm_by_ || draining_) return draining_ ? never : confirm_by_;
    const bool ordered = if_memory_allows([&] {
        Order back;
        back.version = unless_confirmed_;
        back.by = "nobody, who has not confirmed generation " + std::to_string(now_->number());
        add(std::move(back), false);
    });
    if (!ordered) return now + try_again;
    confirm_by_ = never;
    return never;
}

// --- old generations -----------------------------------------------------------------------------------------------------

void Generations::retire(std::list<std::shared_ptr<Old>>& place, std::unique_ptr<Generation> generation) noexcept {
    const HostConfig& host = now_->config().host;
    const std::shared_ptr<Old>& old = place.front();
    old->generation = std::move(generation);
    if (const Milliseconds left = std::max(host.old_timeout - host.drain_timeout, Milliseconds(0));
        host.old_timeout.count() > 0)
        old->drain_at = plus(monotonic_now(), left.count() * 1'000'000);
    undertaker_.post([old] { old->generation->unwatch(); }); // new connections are not its own any more
    old_.splice(old_.end(), place);
}

// Joins its threads and destroys its plugins, on the undertaker's thread, which may wait for what a plugin still does.
void Generations::bury(const std::shared_ptr<Old>& old) noexcept {
    if (!old->told) report_closed(*old->generation);
    old->told = true;
    old->generation->retire();
    old->given = undertaker_.post([old, &alarm = standing_.alarm] {
        old->generation->plugins().stop();
        (void)old->generation->stop(never);
        old->generation.reset();
        ::malloc_trim(0); // what a generation leaves free lies scattered: malloc would keep nearly all of it
        old->gone.store(true);
        alarm.wake_by(monotonic_now());
    });
}

// The undertaker stops its plugins, which may take long; then its connections are told, at the deadline at the latest.
void Generations::drain(const std::shared_ptr<Old>& old, Nanoseconds now) noexcept {
    if (old->deadline == never) {
        old->deadline = now + now_->config().host.drain_timeout.count() * 1'000'000;
        old->generation->begin_drain(old->deadline);
        const bool stops = undertaker_.post([old, &alarm = standing_.alarm] {
            old->generation->plugins().stop();
            old->stopped.store(true);
            alarm.wake_by(monotonic_now());
        });
        if (!stops) old->stopped.store(true); // without thread or memory they are stopped when they are destroyed
    }
    const bool is_time = old->stopped.load() || now >= old->deadline;
    if (is_time && !std::exchange(old->connections_told, true)) old->generation->tell_connections();
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
    if (FileCheck& check = standing_.record.file; check.begin()) {
        const bool posted = maker_.post(
            [this, &check, number = now_->number(), config = now_->shared_config()] { check.look(number, *config, load_); });
        if (!posted) check.give_up();
    }
    Nanoseconds again = std::min(now_->supervise(now), roll_back_if_due(now));
    for (const std::shared_ptr<Old>& old : old_) {
        if (old->given) continue;
        again = std::min(again, old->generation->supervise(now));
        if (now >= old->drain_at) drain(old, now);
        const bool quiet = old->unused || old->generation->is_quiet();
        if (quiet) bury(old);
        if (old->given) continue;
        if (quiet)
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
    now_->plugins().stop();
    now_->tell_connections();
    for (const std::shared_ptr<Old>& old : old_)
        if (!old->given && !old->unused) {
            old->drain_at = 0;
            drain(old, monotonic_now());
        }
}

bool Generations::is_quiet() const noexcept {
    return now_->is_quiet() &&
           std::ranges::all_of(old_, [](const auto& old) { return old->given || old->unused || old->generation->is_quiet(); });
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
        if (!old->given && !old->told) report_closed(*old->generation);
    return all;
}

} // namespace gatehouse::host
