#include "host_upgrade.hpp"

#include "base/if_memory_allows.hpp"
#include "handover/message.hpp"
#include "order_handover.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <gatehouse/version.h>
#include <poll.h>
#include <system_error>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

std::uint64_t changes_of_orders(const Standing& standing) noexcept {
    return standing.denials.changes() + standing.live_orders.changes();
}

constexpr Nanoseconds a_second = 1'000'000'000;
constexpr Nanoseconds start_patience = 55 * a_second; // the client of the command waits for a minute
constexpr Nanoseconds switch_patience = 5 * a_second;
constexpr Milliseconds usual_guard = std::chrono::seconds(10);
constexpr Milliseconds longest_guard = std::chrono::hours(1);

void tell_systemd(std::int64_t main_pid) noexcept {
    if_memory_allows([&] { ::sd_notify(0, ("MAINPID=" + std::to_string(main_pid)).c_str()); });
}

} // namespace

std::string HostUpgrade::begin(const std::string& by, Milliseconds guard) {
    if (!keeper_) return "this host was not started by `gatehouse run`, so it cannot be replaced";
    if (::getpid() == 1) return "this host is the first process of its container, which ends with it; start another container";
    if (state_ != State::idle || channel_)
        return is_over() ? "another process accepts already" : "an upgrade is going on already";
    if (drain_.at != never) return "the host is about to drain (`gatehouse drain --cancel` takes that back)";
    if (!generations_.hold()) return "the host drains or reloads, or waits for `gatehouse confirm`; ask again later";
    if (predecessor_ != nullptr) predecessor_->tell_settled(); // or it would come back when this one ends
    state_ = State::sending;                                   // whatever fails from here on is given up
    begun_ = monotonic_now();
    deadline_ = begun_ + start_patience;
    guard_ = guard.count() * 1'000'000;
    outcome_.reset();
    try {
        by_ = by;
        now_ = {};
        prepare();
        return "";
    } catch (const std::exception& error) {
        give_up("");
        return std::string("it cannot be begun: ") + error.what();
    }
}

// Everything that is sent before the other process can start, and its start.
void HostUpgrade::prepare() {
    HandoverMessage::Fields keys;
    std::vector<int> sockets;
    const auto flush_keys = [&] {
        if (!keys.empty()) outbox_.push_back({handover_bytes("sockets", keys), sockets});
        keys.clear();
        sockets.clear();
    };
    for (const auto& [key, socket] : endpoints_.descriptors()) {
        keys.emplace_back("key", key);
        sockets.push_back(socket);
        ++now_.sockets;
        if (sockets.size() == HandoverMessage::most_descriptors) flush_keys();
    }
    flush_keys();
    if (control_) {
        const std::string path = generations_.now().config().host.control.string();
        outbox_.push_back({handover_bytes("control", {{"path", path}}), {control_->socket()}});
        ++now_.sockets;
    }
    for (const auto& saved : generations_.now().standing().ticket_keys.save()) // the maker rests
        outbox_.push_back({handover_bytes("ticket_keys", {saved}), {}});
    const Standing& standing = generations_.now().standing();
    for (std::string& letter : live_order_letters(standing.live_orders)) outbox_.push_back({std::move(letter), {}});
    for (std::string& letter : order_letters(standing.denials)) outbox_.push_back({std::move(letter), {}});
    orders_changed_ = changes_of_orders(standing);
    outbox_.push_back({handover_bytes("complete"), {}});
    auto [mine, its] = handover_channel();
    if (const int error = keeper_->start(its.get()); error != 0)
        throw std::system_error(error, std::generic_category(), "the keeper does not answer");
    channel_ = std::move(mine);
    log_.info("upgrade begun", {{"by", by_}, {"sockets", now_.sockets}});
}

Nanoseconds HostUpgrade::serve(Nanoseconds now) noexcept {
    if (state_ == State::sending) flush();
    if (channel_) hear(now);
    if (state_ == State::taking_back) return accept_again(now);
    if (now < deadline_) return deadline_;
    deadline_ = never;
    switch (state_) {
    case State::sending:
    case State::starting:
        give_up("the new process was not ready within 55 s");
        break;
    case State::switching: // it may accept already, so this one must not before it has gone
        log_.error("the new process does not say that it accepts; it is ended", {{"pid", now_.pid}});
        keeper_->kill();
        deadline_ = now + a_second; // the keeper may have had no memory for it
        break;
    case State::guarding:
        let_go();
        break;
    default:
        break;
    }
    return deadline_;
}

// A generation that could not be made is ordered once more, a second later.
Nanoseconds HostUpgrade::accept_again(Nanoseconds now) noexcept {
    bool accepts = false;
    bool failed = order_ == 0;
    if_memory_allows([&] {
        const std::optional<Generations::Outcome> outcome = generations_.outcome(order_);
        accepts = outcome && outcome->what == Generations::Outcome::What::applied;
        failed = failed || (outcome && !accepts);
    });
    if (accepts) {
        state_ = State::idle;
        deadline_ = never;
    } else if (now >= deadline_) {
        if (failed) order_ = generations_.resume();
        deadline_ = now + a_second;
    }
    return deadline_;
}

void HostUpgrade::flush() noexcept {
    while (!outbox_.empty()) {
        const Letter& letter = outbox_.front();
        const int error = send_handover(channel_.get(), letter.bytes, letter.descriptors);
        if (error == EAGAIN || error == ENOBUFS) return;
        if (error == EPIPE) break; // hear() finds out why
        if (error != 0) return give_up(std::strerror(error));
        outbox_.pop_front();
    }
    outbox_.clear();
    state_ = State::starting;
}

void HostUpgrade::hear(Nanoseconds now) noexcept {
    while (channel_) {
        std::optional<HandoverMessage> message;
        int error = ENOMEM;
        if_memory_allows([&] { message = receive_handover(channel_.get(), error); });
        if (error == EPIPE) {
            channel_.reset();
            if (state_ == State::sending || state_ == State::starting) return give_up("");
            if (state_ == State::switching || state_ == State::guarding) take_back();
            return;
        }
        if (error == EPROTO) continue;
        if (!message) return;
        if (message->what == "failed") {
            if_memory_allows([&] { now_.why = message->value("why"); });
        } else if (message->what == "ready" && state_ == State::starting) {
            if (drain_.at != never) return give_up("the host is about to drain");
            hand_over(*message, now);
        } else if (message->what == "accepting" && state_ == State::switching) {
            accepted(now);
        } else if (message->what == "drain" && has_handed_over()) {
            wants_drain_ = true;
        } else if (message->what == "settled" && state_ == State::guarding) {
            let_go();
        }
    }
}

// Newcomers wait in the accept queues until the other process accepts.
void HostUpgrade::hand_over(const HandoverMessage& ready, Nanoseconds now) noexcept {
    if_memory_allows([&] {
        now_.pid = number_or(ready.value("pid"), std::int64_t{0});
        now_.version = ready.value("version");
    });
    if (changes_of_orders(generations_.now().standing()) != orders_changed_)
        return give_up("an order was given meanwhile, of which the new process does not know; do it once more");
    state_ = State::switching;
    deadline_ = now + switch_patience;
    generations_.stand_back();
    endpoints_.share(true);
    if (control_) {
        control_->share(true);
        control_->take_newcomers(false);
    }
    tell_systemd(now_.pid);
    say("go");
}

void HostUpgrade::accepted(Nanoseconds now) noexcept {
    state_ = State::guarding;
    deadline_ = now + guard_;
    now_.accepts = true;
    now_.took = now - begun_;
    if_memory_allows([&] {
        for (const Generation* generation : generations_.all()) now_.connections += generation->open();
        log_.info("upgrade", {{"result", "handed over"},
                              {"pid", now_.pid},
                              {"version", now_.version},
                              {"ms", now_.took / 1'000'000},
                              {"sockets", now_.sockets},
                              {"connections", now_.connections},
                              {"by", by_}});
    });
    outcome_ = std::move(now_);
}

// The other process has not been told to accept, and never will be.
void HostUpgrade::give_up(std::string_view why) noexcept {
    outbox_.clear();
    if (say("cancel")) channel_.reset(); // or else hear() finds out that it has gone: it must not take silence for a go
    keeper_->kill();
    generations_.release();
    state_ = State::idle;
    deadline_ = never;
    if (why.empty()) why = now_.why; // as the other process has it
    fail(why.empty() ? "the new process has ended; the log and the standard error of this one say why" : why);
}

void HostUpgrade::take_back() noexcept {
    keeper_->kill();
    endpoints_.share(false);
    if (control_) {
        control_->share(false);
        control_->take_newcomers(true);
    }
    tell_systemd(::getpid());
    state_ = State::taking_back;
    order_ = generations_.resume();
    deadline_ = monotonic_now() + a_second;
    fail("the new process has ended; this one accepts again");
}

// The sockets are the other process's alone from here on.
void HostUpgrade::let_go() noexcept {
    say("yours");
    endpoints_.let_go(); // a listener that the other process does not have is closed with that
    if (control_) control_->let_go();
    keeper_->end(); // the other process becomes a child of systemd, which then hears of its end
    state_ = State::over;
    deadline_ = never;
}

void HostUpgrade::fail(std::string_view why) noexcept {
    if_memory_allows([&] {
        log_.error("upgrade", {{"result", "failed"}, {"pid", now_.pid}, {"why", why}, {"by", by_}});
        now_.why = std::string(why); // which may be a part of it
    });
    if (!outcome_) outcome_ = std::move(now_); // or else it was told before
}

bool HostUpgrade::say(std::string_view what) noexcept {
    bool said = false;
    if_memory_allows([&] { said = channel_ && send_handover(channel_.get(), handover_bytes(what)) == 0; });
    return said;
}

void HostUpgrade::conclude() noexcept {
    if (state_ == State::sending || state_ == State::starting) give_up("the host drains");
    if (state_ == State::switching || state_ == State::guarding) let_go();
}

HostCommand upgrade_command(HostUpgrade& upgrade) {
    HostCommand command;
    command.name = "upgrade";
    command.summary = "hands the sockets over to the program that is on disk by now, and nobody is refused";
    command.parameters = {{"guard", Parameter::Type::duration, false,
                           "how long this process stays ready to accept again, if the new one ends (default 10s, at most 1h)",
                           false}};
    command.run = [&upgrade](const Arguments& with, const Caller& who) {
        const Milliseconds guard = std::min(with.duration("guard").value_or(usual_guard), longest_guard);
        if (const std::string why = upgrade.begin(who_is(who), guard); !why.empty()) return HostCommand::fails("busy", why);
        return HostCommand::Answer([&upgrade]() -> std::optional<HostAnswer> {
            if (!upgrade.outcome()) return std::nullopt;
            const HostUpgrade::Outcome& outcome = *upgrade.outcome();
            if (!outcome.accepts) return failure("refused", outcome.why);
            const std::string own = std::to_string(::getpid());
            const std::string its = std::to_string(outcome.pid);
            HostAnswer answer;
            const auto process = [](const std::string& version, const std::string& pid) {
                return Json::object().set("version", Json::text(version)).set("pid", Json::raw(pid));
            };
            answer.result = Json::object()
                                .set("from", process(GATEHOUSE_SDK_VERSION_TEXT, own))
                                .set("to", process(outcome.version, its))
                                .set("sockets", Json::raw(std::to_string(outcome.sockets)))
                                .set("connections", Json::raw(std::to_string(outcome.connections)))
                                .set("took", Json::raw(std::to_string(static_cast<double>(outcome.took) / 1e9)));
            answer.text = std::string(GATEHOUSE_SDK_VERSION_TEXT) + " (pid " + own + ") -> " + outcome.version + " (pid " +
                          its + ")\nhanded over " + std::to_string(outcome.sockets) + " sockets in " +
                          std::to_string(outcome.took / 1'000'000) + " ms; " + std::to_string(outcome.connections) +
                          " connections stay with pid " + own + " until they end\n";
            return answer;
        });
    };
    return command;
}

} // namespace gatehouse::host
