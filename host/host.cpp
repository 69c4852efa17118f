#include "host.hpp"

#include "base/if_memory_allows.hpp"
#include "base/time_text.hpp"
#include "host_commands.hpp"
#include "map_commands.hpp"
#include "order_handover.hpp"
#include "plugin/runtime_folder.hpp"
#include "process/cpus.hpp"
#include "process/descriptor_limit.hpp"
#include "reload_commands.hpp"
#include "threads/stop_signals.hpp"
#include "tls/trial.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <gatehouse/version.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <system_error>
#include <systemd/sd-daemon.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds last_grace = 500'000'000; // after the drain timeout, for calls that were cut off to return
// From when the drain should be over, or from a second signal, until the process ends without the main thread.
constexpr Nanoseconds main_thread_patience = 2'000'000'000;
constexpr Nanoseconds patience_of_exit = 2 * last_grace + main_thread_patience;

// From the first signal on, for the main thread to end the process.
Nanoseconds patience_with(const Config& config) noexcept {
    return plus((config.host.drain_delay + config.host.drain_timeout).count() * 1'000'000, patience_of_exit);
}

// How long a host that has handed its sockets over serves its connections before it drains.
Nanoseconds time_for_old(const HostConfig& host) noexcept {
    if (host.old_timeout.count() == 0) return never;
    return std::max(host.old_timeout - host.drain_timeout, Milliseconds(0)).count() * 1'000'000;
}

// What the keeper may bind, see Keeper::Addresses.
std::vector<std::string> numeric_addresses(const Config& config) {
    std::vector<std::string> all;
    for (const ListenerConfig& listener : config.listeners)
        if (listener.address.kind == Address::Kind::tcp)
            if (const auto numeric = numeric_address(listener.address)) {
                all.push_back(to_string(*numeric));
                const bool any = listener.address.host.empty() || listener.address.host == "*";
                if (any) all.push_back("0.0.0.0:" + std::to_string(listener.address.port)); // on a machine without IPv6
            }
    return all;
}

// For reloads of a host that gives something up, and for upgrades, which are asked for through the control socket.
std::optional<Keeper> keeper_for(const Config& config, const HostOrigin& origin, const Generations::Load& load) {
    const bool wanted = !config.host.control.empty() || !config.process.user.empty();
    if (origin.arguments.empty() || !wanted) return std::nullopt;
    return std::optional<Keeper>(std::in_place, origin.arguments, numeric_addresses(config),
                                 [load] { return numeric_addresses(load()); });
}

} // namespace

sigset_t handled_signals() noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&set, signal);
    return set;
}

Host::Host(const Generations::Load& load, const HostOrigin& origin) : Host(load, load(), origin) {}

Host::Host(const Generations::Load& load, Config&& config, const HostOrigin& origin)
    : predecessor_(origin.predecessor), keeper_(keeper_for(config, origin, load)), privileges_(config.process),
      log_(config.log), denials_(log_), live_orders_(log_), cpus_(usable_cpus()),
      relays_(config.host.relay_threads != 0 ? config.host.relay_threads : cpus_, config.host.scheduling,
              Generation::relay_ended),
      resolver_(config.host.resolvers), background_(config.host.scheduling),
      lookups_(background_, resolver_, config.host.resolvers), watches_(background_, config.host.resolvers),
      endpoints_(log_, live_orders_,
                 keeper_ ? Bind([this](int socket, const SocketAddress& at) { return keeper_->bind(socket, at); }) : Bind()),
      generations_(endpoints_,
                   Standing{log_, alarm_, relays_, resolver_, lookups_, background_, watches_, standby_, ticket_keys_,
                            libraries_, denials_, record_, live_orders_, cpus_, milliseconds_since_1970()},
                   load, [this](const Generations::Outcome& outcome) { concluded(outcome); }),
      upgrade_(keeper_, predecessor_, drain_, endpoints_, generations_, control_, log_) {
    remove_dead_folders(); // first: they may have filled the disk
    if (predecessor_ != nullptr) {
        for (const auto& [name, keys] : predecessor_->ticket_keys()) ticket_keys_.restore(name, keys);
        take_orders(denials_, predecessor_->orders());
        take_live_orders(live_orders_, predecessor_->orders());
    }
    generations_.make_first(std::move(config));
    const Config& kept = generation().config();
    std::string problems;
    adopt_sockets();
    try {
        generations_.now().take(endpoints_);
    } catch (const ListenError& error) {
        problems = error.what();
    }
    try {
        if (!kept.host.control.empty())
            control_.emplace(kept.host, generations_.now().plugins().all(), commands(), log_, record_.commands,
                             predecessor_ != nullptr ? predecessor_->take_control(kept.host.control) : Descriptor());
    } catch (const ListenError& error) {
        problems += (problems.empty() ? "" : "\n") + std::string(error.what());
    }
    if (!problems.empty()) throw ListenError(problems);
    sigset_t set = handled_signals();
    for (const int stop : {SIGTERM, SIGINT}) ::sigdelset(&set, stop); // see StopSignals
    signals_ = Descriptor(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_) throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
    drop_privileges();
    warn_of_descriptors(kept.listeners, log_);
}

void Host::adopt_sockets() {
    Predecessor::Sockets sockets = predecessor_ != nullptr ? predecessor_->take_sockets() : store_.take();
    if (predecessor_ != nullptr) store_.assume(sockets);
    endpoints_.adopt(std::move(sockets));
}

std::vector<HostCommand> Host::commands() {
    std::vector<HostCommand> commands = host_commands([this] { return generations_.all(); });
    std::ranges::move(map_commands([this] { return generations_.all(); }), std::back_inserter(commands));
    std::ranges::move(reload_commands(generations_), std::back_inserter(commands));
    commands.push_back(upgrade_command(upgrade_));
    commands.push_back(drain_command(drain_, generations_, log_));
    commands.push_back(drain_state_command(drain_, generations_));
    return commands;
}

// A host that was killed could not remove its private folder.
void Host::remove_dead_folders() {
    std::error_code error;
    const std::filesystem::path where = std::filesystem::temp_directory_path(error);
    if (error) return; // who needs the folder will say so
    const std::size_t count = host::remove_dead_folders(where, {::geteuid(), privileges_.user()});
    if (count != 0) log_.info("removed what hosts have left that were killed", {{"folders", count}, {"in", where.string()}});
}

// Before the drop the host gives the files that it needs later to the new user; after it, it checks that it can use them.
void Host::drop_privileges() {
    const Config& config = generation().config();
    privileges_.expect_possible();
    std::vector<std::string> socket_files;
    for (const ListenerConfig& listener : config.listeners) {
        const bool file = listener.address.kind == Address::Kind::unix_socket && !listener.address.path.starts_with('@');
        if (!file) continue;
        socket_files.push_back(listener.address.path);
        if (listener.owner.empty() && listener.group.empty()) privileges_.hand_over(listener.address.path);
    }
    if (!config.host.control.empty()) {
        socket_files.push_back(config.host.control);
        privileges_.hand_over(config.host.control,
                              config.host.control_readers.empty() && config.host.control_operators.empty());
    }
    if (privileges_.changes_account()) {
        libraries_.hand_over(privileges_.user(), privileges_.group());
        log_.hand_over(privileges_.user());
    }
    privileges_.drop(log_);
    if (config.process.seccomp != Seccomp::off)
        libraries_.seal(
            "it is not loaded, and [process] seccomp forbids to start the process that would try it first; use `gatehouse "
            "upgrade`, or restart the host");
    for (const std::string& file : socket_files)
        if (!privileges_.may_remove(file))
            log_.warning("the socket file will stay behind; give its folder to the user of [process], or choose another folder",
                         {{"path", file}});
    for (const TlsConfig& section : config.tls)
        for (const std::string& problem : unreadable_tls_files(section))
            log_.warning("a renewed certificate cannot be loaded; the user of [process] must be able to read its files",
                         {{"problem", problem}});
    if (!log_.can_reopen())
        log_.warning("the log file cannot be opened again after SIGUSR2; give it to the user of [process]",
                     {{config.log.file.empty() ? "" : "path", config.log.file.native()}, {"error", std::strerror(errno)}});
}

// The control socket first: it calls plugin instances.
Host::~Host() {
    control_.reset();
    if (change_watch_) background_.remove(*change_watch_);
}

int Host::run() {
    StopSignals stops({patience_with(generation().config()), main_thread_patience}, [this](int status) {
        log_.error("the main thread is still in a plugin's code, or cannot go on; leaving without it");
        abandon(status);
    });
    stops_ = &stops;
    if (control_) control_->take_newcomers(false);
    if (control_) control_->listen();
    generations_.now().prepare();
    generations_.now().listen();
    if (predecessor_ == nullptr)
        begin_to_accept();
    else
        predecessor_->tell_ready(GATEHOUSE_SDK_VERSION_TEXT);
    (void)alarm_.acknowledge(); // what was due before it serves is not late
    alarm_.wake_by(monotonic_now());

    Nanoseconds drained_by = never;
    for (;;) {
        std::array<pollfd, 7> waiting{{{standby_.descriptor(), POLLIN, 0},
                                       {stops.descriptor(), POLLIN, 0},
                                       {signals_.get(), POLLIN, 0},
                                       {alarm_.descriptor(), POLLIN, 0},
                                       {control_ ? control_->descriptor() : -1, POLLIN, 0},
                                       {predecessor_ != nullptr ? predecessor_->descriptor() : -1, POLLIN, 0},
                                       {upgrade_.descriptor(), upgrade_.events(), 0}}};
        ::poll(waiting.data(), waiting.size(), -1);
        standby_.serve(); // first: a client waits for it
        if (predecessor_ != nullptr) hear_predecessor();
        const unsigned stopped = stops.count();
        if (stopped > 0 && !drain_.signalled) leave_after_delay();
        if (stopped > 1) {
            log_.warning("stopped at once by a second signal");
            leave(1);
        }
        signalfd_siginfo signal{};
        while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
            if (signal.ssi_signo == SIGUSR1) report();
            if (signal.ssi_signo == SIGUSR2) log_.reopen();
            if (signal.ssi_signo == SIGHUP) accepts_ ? reload("SIGHUP") : void(reload_is_due_ = true);
        }
        const bool watches = generation().config().host.watch && !upgrade_.has_handed_over();
        if (change_watch_ && change_watch_->has_changed() && watches) reload("a change of the files");
        const Nanoseconds due = alarm_.acknowledge();
        record_.pulse.beat();
        const Nanoseconds now = monotonic_now();
        if (due <= now) record_.main_delay.count(now - due);
        Nanoseconds again = generations_.supervise(now);
        again = std::min(again, upgrade_.serve(now));
        if (drained_by == never && (unwanted_ || upgrade_.wants_drain())) leave_by(now);
        if (drained_by == never && now >= drain_.at) drained_by = begin_drain();
        if (control_) again = std::min(again, control_->serve(now)); // it tells of the upgrade and of the drain
        again = std::min(again, denials_.supervise(now));            // after control_, which may have given an order
        again = std::min(again, live_orders_.supervise(now));
        again = std::min(again, log_.supervise(now));
        record_.denials.store(denials_.size());
        record_.drain_orders.store(live_orders_.count(drain_key));
        record_.log_orders.store(live_orders_.count(level_key));
        record_.limit_orders.store(live_orders_.all().size() - record_.drain_orders.load() - record_.log_orders.load());
        record_.leaves.store(drain_.at != never || drain_.has_begun || upgrade_.has_handed_over());
        if (accepts_ && !upgrade_.has_handed_over())
            again = std::min(again, status_.supervise(now, generations_, drain_.has_begun));
        if (drained_by == never && upgrade_.is_over()) {
            if (generations_.is_quiet()) return shut_down(stops);
            if (!std::exchange(is_old_, true)) leave_by(plus(now, time_for_old(generation().config().host)));
        }
        if (drained_by == never) {
            again = std::min(again, drain_.at);
        } else {
            if (generations_.is_quiet() || now >= drained_by + last_grace) return shut_down(stops);
            again = std::min(again, drained_by > now ? drained_by : drained_by + last_grace);
        }
        alarm_.wake_by(again);
    }
}

void Host::begin_to_accept() noexcept {
    accepts_ = true;
    record_.accepts.store(true);
    generations_.now().accept();
    if (control_) control_->take_newcomers(true);
    if (predecessor_ == nullptr) own_sockets(); // those of the store
    keep_in_store();
    follow_files();
    log_.info("ready", {{"listeners", generation().services().size()}, {"pid", ::getpid()}});
    ::sd_notify(0, "READY=1");
    if (std::exchange(reload_is_due_, false)) reload("SIGHUP");
}

void Host::hear_predecessor() noexcept {
    while (const std::optional<Predecessor::Word> word = predecessor_->hear()) switch (*word) {
        case Predecessor::Word::go:
            if (accepts_ || stops_->count() > 0) break;
            begin_to_accept();
            predecessor_->tell_accepting();
            break;
        case Predecessor::Word::cancel:
            log_.error("the host before this one goes on; this one ends", {{"pid", ::getpid()}});
            unwanted_ = true;
            break;
        case Predecessor::Word::yours:
            if (!upgrade_.has_handed_over()) own_sockets();
            break;
        }
}

void Host::own_sockets() noexcept {
    endpoints_.share(false);
    if (control_) control_->share(false);
}

void Host::keep_in_store() noexcept {
    if_memory_allows([&] { store_.keep(endpoints_.descriptors()); });
}

// For [host] watch.
void Host::follow_files() noexcept {
    const Config& config = generation().config();
    if (!config.host.watch) return;
    if_memory_allows([&] {
        std::vector<std::filesystem::path> files = config.files.list;
        for (const auto& [file, library] : generation().plugins().libraries()) files.push_back(file);
        if (!change_watch_) {
            auto watch = std::make_shared<ChangeWatch>(background_, alarm_, log_);
            if (!background_.add(watch, never))
                return log_.warning("files are not watched for changes: no thread or memory for that; SIGHUP applies them");
            change_watch_ = std::move(watch);
        }
        change_watch_->follow(std::move(files));
    });
}

void Host::reload(const std::string& by) noexcept {
    ::sd_notify(0, "RELOADING=1");
    if (generations_.order_file(by) == 0) {
        log_.error("the reload is not done: too many wait, or there is no memory, or the host drains", {{"by", by}});
        ::sd_notify(0, "READY=1");
    }
}

void Host::concluded(const Generations::Outcome& outcome) noexcept {
    ::sd_notify(0, "READY=1");
    status_.hurry();
    follow_files();
    if (outcome.what != Generations::Outcome::What::applied) return;
    keep_in_store();
    log_.configure(generation().config().log.level);
    stops_->be_patient(patience_with(generation().config()));
    std::vector<PluginInstance*> instances; // without memory none of them takes commands, until the next reload
    if_memory_allows([&] { instances = generations_.now().plugins().all(); });
    if (control_) control_->serve_instances(std::move(instances));
}

// At the latest; a drain that was ordered for earlier stays as it is.
void Host::leave_by(Nanoseconds when) noexcept {
    if (drain_.at == never) drain_.timeout = generation().config().host.drain_timeout.count() * 1'000'000;
    drain_.at = std::min(drain_.at, when);
}

// The first signal has come.
void Host::leave_after_delay() noexcept {
    const Milliseconds delay = generation().config().host.drain_delay;
    const bool accepts = accepts_ && !upgrade_.has_handed_over();
    drain_.signalled = true;
    leave_by(accepts ? plus(monotonic_now(), delay.count() * 1'000'000) : 0);
    drain_.timeout = std::min(drain_.timeout, generation().config().host.drain_timeout.count() * 1'000'000);
    if (!upgrade_.has_handed_over()) upgrade_.conclude();
    if (accepts && delay.count() > 0)
        log_.info("leaving after a delay", {{"signal", ::sigabbrev_np(stops_->first())}, {"delay_ms", delay.count()}});
}

// Returns when the drain is over at the latest.
Nanoseconds Host::begin_drain() noexcept {
    drain_.has_begun = true;
    status_.hurry();
    stops_->be_patient(plus(drain_.timeout, patience_of_exit)); // a signal that comes now does not shorten what was ordered
    upgrade_.conclude();
    const bool alone = accepts_ && !upgrade_.has_handed_over();
    if (alone) ::sd_notify(0, "STOPPING=1");
    if (predecessor_ != nullptr && accepts_) predecessor_->tell_drain();
    const bool stored = alone && store_.holds_any();
    if (alone) own_sockets(); // the process before this one accepts no more
    if (stored) endpoints_.share_if([this](const std::string& key) { return store_.holds(key); });
    generations_.now().stop_accepting(alone && !stored); // who waits in a shared queue is served by the next process
    endpoints_.close();
    if (control_) control_->begin_drain();
    const bool signalled = stops_->count() > 0;
    log_.info("draining", {{signalled ? "signal" : "", signalled ? ::sigabbrev_np(stops_->first()) : ""},
                           {"timeout_ms", drain_.timeout / 1'000'000},
                           {"listeners", generation().services().size()}}); // no newcomer is let in any more
    background_.end();                                                      // checks and watches
    const Nanoseconds deadline = monotonic_now() + drain_.timeout;
    generations_.begin_drain(deadline);
    return deadline;
}

int Host::shut_down(const StopSignals& stops) noexcept {
    const Nanoseconds deadline = monotonic_now() + last_grace;
    bool all = true;
    const auto left_behind = [&](const char* problem) {
        all = false;
        log_.error(problem);
    };
    if (!relays_.stop(deadline)) left_behind("a relay thread is still in a plugin's code; leaving without it");
    if (!generations_.stop(deadline)) all = false;
    if (!background_.stop(deadline)) left_behind("the background thread is still in a plugin's code; leaving without it");
    report();
    log_.info("stopped", {{"log_lines_dropped", log_.dropped()}});
    if (!all) leave(stops.count() > 1 ? 1 : 0); // the second signal may have come while the host waited here
    return 0;
}

// Ends the process while threads are still inside plugins: nothing that they use may be destroyed, so no destructor runs.
void Host::leave(int status) noexcept {
    control_.reset();
    abandon(status);
}

// The same, without what only the main thread may touch.
void Host::abandon(int status) noexcept {
    libraries_.remove_files();
    log_.flush();
    std::_Exit(status);
}

void Host::report() noexcept {
    if_memory_allows([this] { // a status that cannot be told now can be asked for again
        for (const auto& service : generation().services()) log_status(log_, service->status());
        log_.info("status", {{"relayed", relays_.active()}, {"log_lines_dropped", log_.dropped()}});
    });
}

} // namespace gatehouse::host
