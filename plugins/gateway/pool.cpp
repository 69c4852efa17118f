#include "pool.hpp"

#include "pool_change.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <utility>

namespace gateway {

Pool::Pool(const Rules& rules, std::size_t sources, Hooks hooks, std::vector<ServerRow> rows)
    : rules_(rules), hooks_(std::move(hooks)), rows_(rows.empty() ? std::vector<ServerRow>(sources + 1) : std::move(rows)),
      sources_(sources + 1), balancer_(rules.balance, static_cast<std::uint64_t>(Clock::now().time_since_epoch().count())) {
    counts_.size = rules.queue.size;
    sources_.back().answered = true; // what the operator adds is never among the first servers
}

void Pool::comes_from(Visit& visit, std::string_view address) {
    std::string caller = caller_of(address);
    const std::lock_guard lock(mutex_);
    visit.caller = callers_.enter(std::move(caller));
}

Balancer::Choice Pool::choose(const Visit& visit) {
    return balancer_.choose(slots_, visit.key, visit.tried(),
                            visit.caller != nullptr ? std::span<const Held>(visit.caller->second.held)
                                                    : std::span<const Held>());
}

// Gives the visit, which is in the queue or nowhere, a place on a server. Where memory runs out, it stays where it is.
void Pool::give(Visit& visit, std::size_t index) {
    const std::shared_ptr<Server>& server = servers_[index];
    Slot& slot = slots_[index];
    if (visit.caller != nullptr) Callers::take(*visit.caller, slot.identity);
    if (visit.place == Visit::Place::queue) queue_.erase(Visits::s_iterator_to(visit));
    server->visits.push_back(visit);
    ++slot.connections;
    row(*server).connections.add();
    visit.place = Visit::Place::server;
    visit.server = server;
    visit.on_trial = panic_rank_ != slot.rank && server->health.connecting();
    if (visit.on_trial) slot.usable = false; // one at a time
}

// The visit's place on its server is free again.
void Pool::take(Visit& visit, Clock::time_point now) {
    const std::shared_ptr<Server> server = std::exchange(visit.server, nullptr);
    server->visits.erase(Visits::s_iterator_to(visit));
    Slot& slot = slots_[server->slot];
    --slot.connections;
    row(*server).connections.add(-1);
    if (visit.caller != nullptr) Callers::give_back(*visit.caller, slot.identity);
    visit.place = Visit::Place::nowhere;
    visit.connected = visit.ended = false;
    if (std::exchange(visit.on_trial, false)) server->health.trial_abandoned();
    update(*server, now);
    if (server->removed && server->visits.empty()) forget_removed();
}

// Gives the free places to the waiting clients, in their order. A client that has tried all servers with free places does not
// hold up the clients behind it.
void Pool::dispatch(Change& change, const Visit* self, Clock::time_point now) {
    refresh(now);
    const Visit* const first = queue_.empty() ? nullptr : &queue_.front();
    for (auto next = queue_.begin(); next != queue_.end();) {
        Visit& visit = *next++;
        const Balancer::Choice choice = choose(visit);
        if (choice.kind == Balancer::Choice::chosen) {
            give(visit, choice.index);
        } else if (choice.kind == Balancer::Choice::none && all_answered()) {
            refuse_all_tried(visit);
        } else if (choice.kind == Balancer::Choice::source_full) {
            refuse(visit, why_source_full(visit), "pool_full");
        } else if (visit.tried().empty()) {
            break;
        } else {
            continue;
        }
        if (&visit != self) change.wake(visit);
    }
    const bool another = !queue_.empty() && &queue_.front() != first && &queue_.front() != self;
    if (another && changes_at_) change.wake(queue_.front());
}

// The first client of the queue also waits for servers that come back by time alone.
void Pool::leave_queue(Change& change, Visit& visit) {
    const bool first = &queue_.front() == &visit;
    queue_.erase(Visits::s_iterator_to(visit));
    visit.place = Visit::Place::nowhere;
    if (first && changes_at_ && !queue_.empty()) change.wake(queue_.front());
}

// The visit is in the queue or nowhere.
Pool::Verdict Pool::refuse(Visit& visit, const std::string& why, std::string_view cause) {
    if (visit.place == Visit::Place::queue) queue_.erase(Visits::s_iterator_to(visit));
    visit.place = Visit::Place::refused;
    Visit::Failures& failed = visit.failed();
    const std::string tried = failed.servers.size() > 1 ? count_text(failed.servers.size(), "server") + " tried: " : "";
    failed.cause = cause;
    failed.refusal = tried + failed.attempts + (failed.attempts.empty() || why.empty() ? "" : "; then ") + why;
    return {Verdict::refuse};
}

// There is no server that it has not tried.
Pool::Verdict Pool::refuse_all_tried(Visit& visit) {
    return visit.tried().empty() ? refuse(visit, why_none(), "no_server") : refuse(visit, "", "");
}

// The verdict for a visit that is or was in the queue.
Pool::Verdict Pool::standing(const Visit& visit) const {
    if (visit.place == Visit::Place::server) return {Verdict::connect};
    if (visit.place == Visit::Place::refused) return {Verdict::refuse};
    const bool first = &queue_.front() == &visit;
    return {Verdict::wait, first && changes_at_ ? std::min(visit.give_up_at, *changes_at_) : visit.give_up_at};
}

Pool::Verdict Pool::admit(Visit& visit, Clock::time_point now) {
    Change change(*this);
    if (visit.place == Visit::Place::queue) dispatch(change, &visit, now);
    if (visit.place != Visit::Place::nowhere) return standing(visit);

    if (visit.tried().size() > rules_.retries) return refuse(visit, "", "");
    refresh(now);
    const Balancer::Choice choice = choose(visit);
    if (choice.kind == Balancer::Choice::source_full)
        return refuse(visit, why_source_full(visit), "pool_full"); // it fills no queue either
    if (queue_.empty()) {
        if (choice.kind == Balancer::Choice::chosen) {
            give(visit, choice.index);
            return {Verdict::connect};
        }
        if (choice.kind == Balancer::Choice::none && all_answered()) return refuse_all_tried(visit);
    }
    if (queue_.size() >= rules_.queue.size) dispatch(change, nullptr, now);
    if (queue_.size() >= rules_.queue.size) {
        ++counts_.refused;
        const std::string who = !all_answered()   ? "the names of the servers have not been resolved yet"
                                : awaits_checks() ? "the servers have not been checked yet"
                                                  : "all servers are full";
        return refuse(visit,
                      who + (queue_.empty() ? "" : ", and the queue is full (" + count_text(queue_.size(), "client") + ')'),
                      all_answered() && !awaits_checks() ? "pool_full" : "no_server");
    }
    queue_.push_back(visit);
    visit.place = Visit::Place::queue;
    if (visit.give_up_at == Clock::time_point{}) visit.give_up_at = now + rules_.queue.timeout;
    ++counts_.waited;
    dispatch(change, &visit, now);
    return standing(visit);
}

Pool::Verdict Pool::give_up(Visit& visit, Clock::time_point now) {
    Change change(*this);
    if (visit.place == Visit::Place::queue) dispatch(change, &visit, now); // a server may have come back by time alone
    if (visit.place != Visit::Place::queue) return standing(visit);
    leave_queue(change, visit);
    ++counts_.timed_out;
    const std::string what = !all_answered()   ? "the names of the servers were not resolved within "
                             : awaits_checks() ? "the servers were not checked within "
                                               : "all servers were full for ";
    return refuse(visit, what + time_text(rules_.queue.timeout), "queue_timeout");
}

void Pool::connected(Visit& visit, Clock::time_point now) {
    Change change(*this);
    Server& server = *visit.server;
    const Health::State before = server.health.state();
    visit.connected = true;
    if (visit.ended) change.cut(visit);
    ++server.total;
    row(server).connects.add();
    server.last_error.clear();
    visit.on_trial = false;
    server.health.connected(now);
    if (before == Health::State::up) return;
    update(server, now);
    note(change, server, before, "", now);
    dispatch(change, nullptr, now);
}

void Pool::connect_failed(Visit& visit, std::string_view why, bool blame, Clock::time_point now) {
    Change change(*this);
    const std::shared_ptr<Server> server = visit.server;
    const Health::State before = server->health.state();
    if (blame) {
        ++server->failures;
        row(*server).failures.add();
        server->last_error = why;
        server->last_error_at = now;
    }
    const auto there = std::ranges::count_if(servers_, [](const auto& other) { return other->is_wanted(); });
    if (blame) server->health.connect_failed(std::exchange(visit.on_trial, false), there > 1, now);
    Visit::Failures& failed = visit.failed();
    failed.servers.push_back(slots_[server->slot].identity);
    failed.attempts += (failed.attempts.empty() ? "" : "; ") + server->text() + ": " + std::string(why);
    take(visit, now);
    note(change, *server, before, why, now);
    // The first client of the queue now waits for this server's return as well.
    if (server->health.state() == Health::State::ejected && !queue_.empty()) change.wake(queue_.front());
    dispatch(change, nullptr, now);
}

void Pool::leave(Visit& visit, Clock::time_point now) {
    Change change(*this);
    const Visit::Place place = visit.place;
    if (place == Visit::Place::server) take(visit, now);
    if (visit.caller != nullptr) callers_.leave(std::exchange(visit.caller, nullptr));
    // What needs memory comes last.
    if (place == Visit::Place::queue) leave_queue(change, visit);
    visit.place = Visit::Place::nowhere;
    if (place == Visit::Place::server) dispatch(change, nullptr, now);
}

} // namespace gateway
