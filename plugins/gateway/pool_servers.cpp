// The pool's servers: which there are, their health, and the operator's orders.
#include "pool.hpp"
#include "pool_change.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace gateway {
namespace {

std::string_view state_of(const Server& server) {
    if (server.removed) return "removed";
    if (server.directions.state == Directions::State::disabled) return "disabled";
    if (server.directions.state == Directions::State::draining) return server.visits.empty() ? "drained" : "draining";
    constexpr std::array<std::string_view, 4> names{"up", "down", "ejected", "pending"};
    return names[static_cast<std::size_t>(server.health.state())];
}

bool is_available(const Server& server) { return server.is_wanted() && server.health.state() == Health::State::up; }

} // namespace

// --- which there are -------------------------------------------------------------------------------------------------------

Pool::Changes Pool::set_servers(std::size_t source, std::span<const ServerSpec> specs, Clock::time_point now) {
    Change change(*this);
    Changes changes;
    sources_[source].specs.assign(specs.begin(), specs.end());
    supply(change, source, "", changes, now);
    settle(change, now);
    dispatch(change, nullptr, now);
    return changes;
}

// Gives the source the servers that it names, without those that the operator has removed. `why`: for the log.
void Pool::supply(Change& change, std::size_t source, std::string_view why, Changes& changes, Clock::time_point now) {
    const std::vector<ServerSpec>& specs = sources_[source].specs;
    const std::unordered_set<std::string_view> removed = orders_.removed();
    std::unordered_map<std::string_view, const ServerSpec*> wanted;
    for (const ServerSpec& spec : specs)
        if (!removed.contains(spec.name)) wanted.emplace(spec.address, &spec);

    Changes made;
    const auto set = [&](const std::shared_ptr<Server>& server, const ServerSpec& spec) {
        server->weight = spec.weight;
        server->limit = spec.limit;
        slots_[server->slot].rank = spec.rank;
        slots_[server->slot].per_source = spec.per_source;
        update(*server, now);
    };
    const std::vector<std::shared_ptr<Server>> before = servers_;
    for (const std::shared_ptr<Server>& server : before) {
        if (server->source != source) continue;
        const auto found = wanted.find(server->address);
        if (found != wanted.end() && found->second->name == server->name) {
            if (std::exchange(server->removed, false)) {
                row(*server).addresses.add();
                renew(*server, now);
                made.added.push_back(server);
            }
            server->cut_at.reset();
            set(server, *found->second);
            wanted.erase(found);
        } else if (!std::exchange(server->removed, true)) {
            row(*server).addresses.add(-1);
            note_available(*server, false);
            made.removed.push_back(server);
            if (rules_.changes.cut_removed) server->cut_at = now + *rules_.changes.cut_removed;
            update(*server, now);
        }
    }
    forget_removed();
    const bool first = !std::exchange(sources_[source].answered, true);
    std::size_t left_out = 0;
    slots_.reserve(servers_.size() + wanted.size()); // so that memory does not run out between the two
    servers_.reserve(servers_.size() + wanted.size());
    for (const ServerSpec& spec : specs) { // in their order
        const auto found = wanted.find(spec.address);
        if (found == wanted.end() || found->second != &spec) continue;
        if (servers_.size() >= most_servers) {
            ++left_out;
            continue;
        }
        auto server = std::make_shared<Server>(spec, source, rules_.health);
        server->from_start = first;
        server->directions = orders_.of(spec.name);
        server->slot = slots_.size();
        Slot slot;
        slot.identity = hash_of(spec.address);
        slots_.push_back(slot);
        servers_.push_back(server);
        row(*server).addresses.add();
        if (!first) server->health.enabled(now); // a server of a later answer starts slowly
        set(server, spec);
        made.added.push_back(std::move(server));
    }

    if (!specs.empty()) sources_[source].problem.clear();
    if (!first) {
        note_servers(change, made.added, "is new" + std::string(why));
        note_servers(change, made.removed, "is removed" + std::string(why));
    }
    if (left_out > 0 && left_out != sources_[source].left_out)
        change.log(GATEHOUSE_LEVEL_WARNING, "the pool has no room for " + count_text(left_out, "server") + " of " +
                                                count_text(specs.size(), "server") + " behind a name: it takes " +
                                                std::to_string(most_servers));
    sources_[source].left_out = left_out;
    std::ranges::move(made.added, std::back_inserter(changes.added));
    std::ranges::move(made.removed, std::back_inserter(changes.removed));
}

// A removed server is back. Nobody has checked it meanwhile.
void Pool::renew(Server& server, Clock::time_point now) {
    if (rules_.health.first_check_decides) {
        server.health = Health(rules_.health);
        server.last_check.clear();
    }
    server.from_start = false;
    server.health.enabled(now);
}

void Pool::source_failed(std::size_t source, std::string_view why, Clock::time_point now) {
    Change change(*this);
    sources_[source].answered = true;
    sources_[source].problem = why;
    dispatch(change, nullptr, now);
}

// Those that are removed and have no connection left.
void Pool::forget_removed() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (servers_[i]->removed && servers_[i]->visits.empty()) continue;
        servers_[i]->slot = kept;
        if (kept != i) {
            slots_[kept] = slots_[i];
            servers_[kept] = std::move(servers_[i]);
        }
        ++kept;
    }
    slots_.resize(kept);
    servers_.resize(kept);
}

// One line each for a few of them, and one for the others.
void Pool::note_servers(Change& change, const std::vector<std::shared_ptr<Server>>& servers, std::string_view what) {
    constexpr std::size_t few = 8;
    const std::string rest = ' ' + std::string(what) + "; " + availability();
    for (std::size_t i = 0; i < std::min(servers.size(), few); ++i) change.log(GATEHOUSE_LEVEL_INFO, servers[i]->text() + rest);
    if (servers.size() > few)
        change.log(GATEHOUSE_LEVEL_INFO, "and so for " + count_text(servers.size() - few, "more server") + ": each" + rest);
}

bool Pool::all_answered() const { return std::ranges::all_of(sources_, &Source::answered); }

// No server is good, and some may turn out to be.
bool Pool::awaits_checks() const {
    return !available_ && std::ranges::any_of(servers_, [](const auto& server) {
        return server->is_wanted() && server->health.state() == Health::State::pending;
    });
}

// --- their health ----------------------------------------------------------------------------------------------------------

// Copies the server's health and order to its slot. At the start, a server that waits for its first check is usable but full:
// its clients wait, and do not go to a backup.
void Pool::update(const Server& server, Clock::time_point now) {
    Slot& slot = slots_[server.slot];
    const bool pending = server.health.state() == Health::State::pending;
    const bool healthy = pending ? server.from_start : server.health.usable(now) || panic_rank_ == slot.rank;
    slot.usable = server.is_wanted() && healthy;
    slot.limit = pending ? 0 : server.limit_now();
    slot.weight = std::max(1U, server.weight_now() * server.health.share(now));
    if (const auto when = server.health.changes_at(now)) changes_at_ = changes_at_ ? std::min(*changes_at_, *when) : *when;
}

// What time has changed.
void Pool::refresh(Clock::time_point now) {
    if (!changes_at_ || now < *changes_at_) return;
    changes_at_.reset();
    for (const auto& server : servers_) update(*server, now);
}

void Pool::checked(Server& server, bool good, std::string_view why, Clock::time_point now) {
    Change change(*this);
    if (server.removed) return; // its check is about to stop
    const Health::State before = server.health.state();
    server.last_check = good ? "ok" : why;
    server.health.checked(good, now);
    if (server.health.state() == before) return;
    if (server.health.state() == Health::State::up) server.last_error.clear();
    update(server, now);
    note(change, server, before, why, now);
    dispatch(change, nullptr, now);
}

void Pool::without_checks(Server& server, Clock::time_point now) {
    Change change(*this);
    server.health.without_checks();
    update(server, now);
    settle(change, now);
    dispatch(change, nullptr, now);
}

// Logs a change of the server's state from `before`.
void Pool::note(Change& change, const Server& server, Health::State before, std::string_view why, Clock::time_point now) {
    const Health::State state = server.health.state();
    if (state == before || server.removed) return;
    const std::string rest = "; " + availability();
    switch (state) {
    case Health::State::up:
        change.log(GATEHOUSE_LEVEL_INFO, server.text() + " is up" + rest);
        break;
    case Health::State::down:
        change.log(GATEHOUSE_LEVEL_WARNING, server.text() + " is down: " + count_text(server.health.bad_checks(), "check") +
                                                " in a row failed, the last one: " + std::string(why) + rest);
        break;
    case Health::State::ejected:
        change.log(GATEHOUSE_LEVEL_WARNING, server.text() + " is ejected for " + time_text(server.health.backoff()) + ": " +
                                                count_text(server.health.failures(), "connection") +
                                                " in a row failed, the last one: " + std::string(why) + rest);
        break;
    case Health::State::pending:
        break; // no server becomes that
    }
    settle(change, now);
}

// What follows from a change of which servers are available.
void Pool::settle(Change& change, Clock::time_point now) {
    bool any = false;
    std::uint32_t back = std::numeric_limits<std::uint32_t>::max(); // the rank of a server that is available again
    for (const auto& server : servers_) {
        const bool available = is_available(*server);
        any |= available;
        if (available && !server->available) back = std::min(back, slots_[server->slot].rank);
        note_available(*server, available);
    }
    if (std::exchange(available_, any) && !any) change.log(GATEHOUSE_LEVEL_ERROR, why_none());
    judge_panic(change, now);
    for (const auto& server : servers_) {
        const std::uint32_t rank = slots_[server->slot].rank;
        if (rules_.changes.cut_backups && rank > back) cut(change, *server, "a server that it is a backup of is up");
        if (rules_.changes.cut_down && server->health.state() == Health::State::down && panic_rank_ != rank)
            cut(change, *server, "it is down");
    }
}

void Pool::note_available(Server& server, bool available) const noexcept {
    if (std::exchange(server.available, available) != available) row(server).up.add(available ? 1 : -1);
}

// The servers that would take the connections are those of the first rank with one that is up. If too few of them are up, their
// health is not believed: the few would break down under the load of all. Nothing is known yet while the first servers wait for
// their first check; later ones that wait for theirs do not count.
void Pool::judge_panic(Change& change, Clock::time_point now) {
    if (rules_.changes.panic == 0) return;
    struct Count {
        std::size_t up = 0, all = 0;
    };
    std::map<std::uint32_t, Count> ranks;
    for (const auto& server : servers_) {
        if (!server->is_wanted()) continue;
        if (server->health.state() == Health::State::pending) {
            if (server->from_start) return;
            continue;
        }
        Count& count = ranks[slots_[server->slot].rank];
        ++count.all;
        count.up += server->health.state() == Health::State::up ? 1 : 0;
    }
    const auto has_one = std::ranges::find_if(ranks, [](const auto& rank) { return rank.second.up > 0; });
    const auto in_turn = has_one == ranks.end() ? ranks.begin() : has_one;
    std::optional<std::uint32_t> panic_rank;
    if (in_turn != ranks.end() && in_turn->second.up * 100 < in_turn->second.all * rules_.changes.panic)
        panic_rank = in_turn->first;
    if (panic_rank == panic_rank_) return;
    const bool began = panic_rank && !panic_rank_;
    if (began)
        change.log(GATEHOUSE_LEVEL_WARNING, "panic: " + std::to_string(in_turn->second.up) + " of " +
                                                count_text(in_turn->second.all, "server") + " up, less than " +
                                                std::to_string(rules_.changes.panic) + "%: all of them count as good");
    if (!panic_rank) change.log(GATEHOUSE_LEVEL_INFO, "the panic is over; " + availability());
    panic_rank_ = panic_rank;
    for (const auto& server : servers_) update(*server, now);
}

// Ends the server's connections, now or once they are connected.
void Pool::cut(Change& change, Server& server, std::string_view why) {
    std::size_t count = 0;
    for (Visit& visit : server.visits) {
        if (std::exchange(visit.ended, true) || !visit.connected) continue; // it may still go to another server
        change.cut(visit);
        ++count;
    }
    if (count > 0)
        change.log(GATEHOUSE_LEVEL_WARNING,
                   server.text() + ": " + std::string(why) + ": the gateway cuts " + count_text(count, "connection"));
}

std::string Pool::availability() const {
    const auto there = std::ranges::count_if(servers_, [](const auto& server) { return !server->removed; });
    const auto up = std::ranges::count_if(servers_, [](const auto& server) { return is_available(*server); });
    return std::to_string(up) + " of " + count_text(static_cast<std::size_t>(there), "server") + " available";
}

// Why no server takes a client, for the log: a few servers say enough.
std::string Pool::why_none() const {
    std::string text;
    std::size_t there = 0;
    constexpr std::size_t most = 3;
    for (const auto& server : servers_) {
        if (server->removed || ++there > most) continue;
        const bool weightless = server->directions.state == Directions::State::enabled && server->weight_now() == 0;
        text += (text.empty() ? "" : ", ") + server->name +
                (weightless ? " has a weight of 0" : " is " + std::string(state_of(*server)));
        const std::string& why = server->health.state() == Health::State::down ? server->last_check : server->last_error;
        if (server->is_wanted() && !why.empty()) text += " (" + why + ')';
    }
    if (there > most) text += " and " + std::to_string(there - most) + " more";
    if (there > 0) return "no server is available: " + text;
    for (const Source& source : sources_)
        if (!source.problem.empty()) return "there is no server: " + source.problem;
    return "there is no server: the names of the servers have no addresses";
}

std::string Pool::why_source_full(const Visit& visit) {
    return visit.caller->first + " has as many connections as it may have (max_per_source) to each server with room";
}

// --- what the operator sees ------------------------------------------------------------------------------------------------

std::vector<Pool::Report> Pool::report(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    refresh(now);
    std::vector<Report> reports;
    for (const auto& server : servers_) {
        const Slot& slot = slots_[server->slot];
        const bool in_panic = panic_rank_ == slot.rank && slot.usable && server->health.state() != Health::State::up;
        reports.push_back({server->name, server->address, std::string(state_of(*server)), server->last_check,
                           server->last_error, server->last_error_at, in_panic, server->weight_now(),
                           server->health.share(now) * 100 / Slot::one, slot.connections, server->limit_now(), server->total,
                           server->failures});
    }
    return reports;
}

Pool::QueueReport Pool::queue_report() {
    const std::lock_guard lock(mutex_);
    QueueReport report = counts_;
    report.waiting = queue_.size();
    return report;
}

} // namespace gateway
