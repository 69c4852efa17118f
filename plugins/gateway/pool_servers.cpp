// The pool's servers: which there are, their health, and the operator's orders.
#include "pool.hpp"
#include "pool_change.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace gateway {
namespace {

std::string_view state_of(const Server& server) {
    if (server.removed) return "removed";
    if (server.order == Server::Order::disabled) return "disabled";
    if (server.order == Server::Order::draining) return server.visits.empty() ? "drained" : "draining";
    constexpr std::array<std::string_view, 3> names{"up", "down", "ejected"};
    return names[static_cast<std::size_t>(server.health.state())];
}

bool is_available(const Server& server) { return state_of(server) == "up"; }

} // namespace

// --- which there are -------------------------------------------------------------------------------------------------------

Pool::Changes Pool::set_servers(std::size_t source, std::span<const ServerSpec> specs, Clock::time_point now) {
    Change change(*this);
    std::unordered_map<std::string_view, const ServerSpec*> wanted;
    for (const ServerSpec& spec : specs) wanted.emplace(spec.address, &spec);

    Changes changes;
    const auto set = [&](const std::shared_ptr<Server>& server, const ServerSpec& spec) {
        server->weight = spec.weight;
        slots_[server->slot].rank = spec.rank;
        slots_[server->slot].limit = spec.limit;
        update(*server, now);
    };
    const std::vector<std::shared_ptr<Server>> before = servers_;
    for (const std::shared_ptr<Server>& server : before) {
        if (server->source != source) continue;
        const auto found = wanted.find(server->address);
        if (found != wanted.end()) {
            if (std::exchange(server->removed, false)) changes.added.push_back(server);
            set(server, *found->second);
            wanted.erase(found);
        } else if (!std::exchange(server->removed, true)) {
            changes.removed.push_back(server);
            update(*server, now);
        }
    }
    forget_removed();
    std::size_t left_out = 0;
    for (const ServerSpec& spec : specs) { // in their order
        const auto found = wanted.find(spec.address);
        if (found == wanted.end() || found->second != &spec) continue;
        if (servers_.size() >= most_servers) {
            ++left_out;
            continue;
        }
        auto server = std::make_shared<Server>(spec, source, rules_.health);
        server->slot = slots_.size();
        Slot slot;
        slot.identity = hash_of(spec.address);
        slots_.push_back(slot);
        servers_.push_back(server);
        if (sources_[source].answered) server->health.enabled(now); // a server of a later answer starts slowly
        set(server, spec);
        changes.added.push_back(std::move(server));
    }

    const bool first = !std::exchange(sources_[source].answered, true);
    if (!specs.empty()) sources_[source].problem.clear();
    if (!first) {
        note_servers(change, changes.added, "is new");
        note_servers(change, changes.removed, "is removed");
    }
    if (left_out > 0 && left_out != sources_[source].left_out)
        change.log(GATEHOUSE_LEVEL_WARNING, "the pool has no room for " + count_text(left_out, "server") + " of " +
                                                count_text(specs.size(), "server") + " behind a name: it takes " +
                                                std::to_string(most_servers));
    sources_[source].left_out = left_out;
    note_availability(change);
    dispatch(change, nullptr, now);
    return changes;
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

// --- their health ----------------------------------------------------------------------------------------------------------

// Copies the server's health and order to its slot.
void Pool::update(const Server& server, Clock::time_point now) {
    Slot& slot = slots_[server.slot];
    slot.usable = server.order == Server::Order::enabled && !server.removed && server.health.usable(now);
    slot.weight = std::max(1U, server.weight * server.health.share(now));
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
    update(server, now);
    note(change, server, before, why);
    dispatch(change, nullptr, now);
}

// Logs a change of the server's state from `before`.
void Pool::note(Change& change, const Server& server, Health::State before, std::string_view why) {
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
    }
    note_availability(change);
}

void Pool::note_availability(Change& change) {
    const bool now = std::ranges::any_of(servers_, [](const auto& server) { return is_available(*server); });
    if (std::exchange(available_, now) && !now) change.log(GATEHOUSE_LEVEL_ERROR, why_none());
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
        text += (text.empty() ? "" : ", ") + server->name + " is " + std::string(state_of(*server));
        const std::string& why = server->health.state() == Health::State::down ? server->last_check : server->last_error;
        if (server->order == Server::Order::enabled && !why.empty()) text += " (" + why + ')';
    }
    if (there > most) text += " and " + std::to_string(there - most) + " more";
    if (there > 0) return "no server is available: " + text;
    for (const Source& source : sources_)
        if (!source.problem.empty()) return "there is no server: " + source.problem;
    return "there is no server: the names of the servers have no addresses";
}

// --- the operator's orders -------------------------------------------------------------------------------------------------

std::size_t Pool::order(std::string_view name, Server::Order order, std::optional<Clock::time_point> cut_at,
                        Clock::time_point now) {
    Change change(*this);
    std::size_t found = 0;
    for (const auto& server : servers_) {
        if (server->name != name && server->address != name) continue;
        ++found;
        server->cut_at = cut_at;
        server->drained = false;
        if (server->removed) continue; // it drains already, and cut_at counts for it too
        const Server::Order before = std::exchange(server->order, order);
        if (before == order) continue;
        if (order == Server::Order::enabled) server->health.enabled(now);
        update(*server, now);
        constexpr std::array<std::string_view, 3> words{"enabled", "disabled", "to drain"};
        change.log(GATEHOUSE_LEVEL_INFO, server->text() + " is " + std::string(words[static_cast<std::size_t>(order)]) +
                                             ", by the operator; " + availability());
    }
    note_availability(change);
    dispatch(change, nullptr, now);
    return found;
}

std::optional<Clock::time_point> Pool::cut_drained(Clock::time_point now) {
    Change change(*this);
    std::optional<Clock::time_point> next;
    for (const auto& server : servers_) {
        if (!server->cut_at) continue;
        if (*server->cut_at > now) {
            next = next ? std::min(*next, *server->cut_at) : *server->cut_at;
            continue;
        }
        server->cut_at.reset();
        server->drained = true;
        std::size_t cut = 0;
        for (const Visit& visit : server->visits) {
            if (!visit.connected) continue; // it may still go to another server
            change.cut(visit);
            ++cut;
        }
        if (cut > 0)
            change.log(GATEHOUSE_LEVEL_WARNING,
                       server->text() + ": its time to drain is over: the gateway cuts " + count_text(cut, "connection"));
    }
    return next;
}

std::vector<Pool::Report> Pool::report(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    refresh(now);
    std::vector<Report> reports;
    for (const auto& server : servers_) {
        const Slot& slot = slots_[server->slot];
        reports.push_back({server->name, server->address, std::string(state_of(*server)), server->last_check,
                           server->last_error, server->weight, server->health.share(now) * 100 / Slot::one, slot.connections,
                           slot.limit, server->total, server->failures});
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
