#include "host.hpp"

#include "control/message.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <system_error>
#include <systemd/sd-daemon.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds last_grace = 500'000'000; // after the drain timeout, for calls that were cut off to return

unsigned cpu_count() {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return static_cast<unsigned>(std::max(count, 1));
}

} // namespace

sigset_t handled_signals() noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set, signal);
    return set;
}

Plugins::Plugins(const Config& config, Log& log, const Drain& drain, Discovery& discovery, const PluginInstance::Reach& reach) {
    std::string problems;
    for (const PluginConfig& plugin : config.plugins) {
        try {
            const std::filesystem::path file = find_plugin(plugin.library, config.host.plugin_path);
            std::shared_ptr<const PluginLibrary>& library = libraries_[file];
            if (!library) library = std::make_shared<PluginLibrary>(file, folder_);
            log.debug("plugin loaded", {{"plugin", plugin.name},
                                        {"library", file.string()},
                                        {"version", library->facts().version},
                                        {"abi", library->facts().needs}});
            instances_[plugin.name] = std::make_unique<PluginInstance>(plugin, library, log, drain, discovery, reach);
        } catch (const PluginError& error) {
            const std::string text = error.what();
            problems +=
                (problems.empty() ? "" : "\n") + (text.starts_with("plugin library") ? plugin.where.text + ": " : "") + text;
        }
    }
    if (!problems.empty()) throw PluginError(problems);
    for (const ListenerConfig& listener : config.listeners)
        if (const std::string text = check_routes(listener, finder()); !text.empty())
            problems += (problems.empty() ? "" : "\n") + text;
    if (!problems.empty()) throw PluginError(problems);
}

std::vector<PluginInstance*> Plugins::all() const {
    std::vector<PluginInstance*> list;
    list.reserve(instances_.size());
    for (const auto& [name, instance] : instances_) list.push_back(instance.get());
    return list;
}

void Plugins::stop() noexcept {
    for (const auto& [name, instance] : instances_) instance->stop();
}

Host::Host(const Config& config)
    : config_(config), privileges_(config.process), log_(config.log),
      relays_(config.host.relay_threads != 0 ? config.host.relay_threads : cpu_count(), config.host.scheduling, drain_),
      resolver_(config.host.resolvers), background_(config.host.scheduling), discovery_(background_, config.host.resolvers),
      tls_(config.tls, log_),
      commons_{config.host, cpu_count(), config.log.access, log_, alarm_, drain_, relays_, resolver_, tls_},
      plugins_(config, log_, drain_, discovery_,
               {.wake =
                    [this](const PluginInstance& instance, std::uint64_t id) {
                        Service* service = service_of(id);
                        return service != nullptr ? service->wake(instance, id) : GATEHOUSE_NOT_FOUND;
                    },
                .cut =
                    [this](const PluginInstance& instance, std::uint64_t id) {
                        Service* service = service_of(id);
                        return service != nullptr ? service->cut(instance, id) : GATEHOUSE_NOT_FOUND;
                    }}) {
    std::string problems;
    for (const ListenerConfig& listener : config.listeners) {
        try {
            services_.push_back(
                std::make_unique<Service>(listener, static_cast<std::uint32_t>(services_.size()), plugins_.finder(), commons_));
        } catch (const ListenError& error) {
            problems += (problems.empty() ? "" : "\n") + std::string(error.what());
        }
    }
    try {
        if (!config.host.control.empty())
            control_.emplace(config.host.control, config.file.native() + ": host.control", plugins_.all(), own_commands(),
                             log_);
    } catch (const ListenError& error) {
        problems += (problems.empty() ? "" : "\n") + std::string(error.what());
    }
    if (!problems.empty()) throw ListenError(problems);
    const sigset_t set = handled_signals();
    signals_ = Descriptor(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_) throw std::system_error(errno, std::generic_category(), "signalfd");
    drop_privileges();
    complete_.store(true);
}

// What is to be done later as another user is handed over first, and looked at afterwards as that user.
void Host::drop_privileges() {
    privileges_.expect_possible();
    std::vector<std::string> socket_files;
    for (const auto& service : services_) {
        const ListenerConfig& listener = service->config();
        const bool file = listener.address.kind == Address::Kind::unix_socket && !listener.address.path.starts_with('@');
        if (!file) continue;
        socket_files.push_back(listener.address.path);
        if (listener.owner.empty() && listener.group.empty()) privileges_.hand_over(listener.address.path);
    }
    if (!config_.host.control.empty()) {
        socket_files.push_back(config_.host.control);
        privileges_.hand_over(config_.host.control);
    }
    if (privileges_.changes_account()) {
        plugins_.hand_over(privileges_.user(), privileges_.group());
        log_.hand_over(privileges_.user());
    }
    privileges_.drop(log_);
    for (const std::string& file : socket_files)
        if (!privileges_.may_remove(file))
            log_.warning("the socket file will stay behind; give its folder to the user of [process], or choose another folder",
                         {{"path", file}});
    if (!log_.can_reopen())
        log_.warning("the log file cannot be opened again after SIGHUP; give it to the user of [process]",
                     {{"path", config_.log.file.string()}, {"error", std::strerror(errno)}});
}

// Plugins first: until destroy() has returned, their own threads may wake connections.
Host::~Host() {
    control_.reset();
    plugins_.destroy();
}

// The one that may have the connection.
Service* Host::service_of(std::uint64_t id) noexcept {
    const std::uint32_t number = ConnectionTable::service_of(id);
    return complete_.load() && number < services_.size() ? services_[number].get() : nullptr;
}

int Host::run() {
    for (const auto& service : services_) {
        service->start();
        log_.info("listening", {{"listener", service->config().name},
                                {"address", service->listener().address()},
                                {"plugin", service->plugin_names()}});
    }
    log_.info("ready", {{"listeners", services_.size()}, {"pid", ::getpid()}});
    ::sd_notify(0, "READY=1");
    tls_.watch();
    alarm_.wake_by(monotonic_now());

    for (;;) {
        std::array<pollfd, 4> waiting{{{signals_.get(), POLLIN, 0},
                                       {alarm_.descriptor(), POLLIN, 0},
                                       {tls_.descriptor(), POLLIN, 0},
                                       {control_ ? control_->descriptor() : -1, POLLIN, 0}}};
        ::poll(waiting.data(), waiting.size(), -1);
        signalfd_siginfo signal{};
        while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
            const bool stop = signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT;
            if (stop && drain_.started()) {
                log_.warning("stopped at once by a second signal");
                leave(1);
            }
            handle_signal(static_cast<int>(signal.ssi_signo));
        }
        alarm_.acknowledge();
        const Nanoseconds now = monotonic_now();
        Nanoseconds again = tls_.supervise(now);
        for (const auto& service : services_) again = std::min(again, service->supervise(now));
        if (control_) again = std::min(again, control_->serve(now));
        if (drain_.started()) {
            if (drained(now)) return shut_down();
            again = std::min(again, drain_.deadline() > now ? drain_.deadline() : drain_.deadline() + last_grace);
        }
        alarm_.wake_by(again);
    }
}

std::vector<HostCommand> Host::own_commands() {
    if (tls_.sections().empty()) return {};
    const auto reload = [this] {
        tls_.reload();
        std::string problems;
        std::vector<std::string> table{std::string(answer_table), "2", "tls", "certificates"};
        for (const auto& [name, server] : tls_.sections()) {
            if (!server->problem().empty()) problems += (problems.empty() ? "" : "; ") + server->problem();
            table.insert(table.end(), {name, server->context()->summary()});
        }
        if (problems.empty()) return table;
        std::replace(problems.begin(), problems.end(), '\n', ';');
        return std::vector{std::string(answer_failed), "not all certificates were reloaded, old ones stay: " + problems};
    };
    return {{"reload-certificates", "loads the files of all [tls.NAME] sections anew", reload}};
}

void Host::handle_signal(int signal) {
    switch (signal) {
    case SIGHUP:
        log_.reopen();
        tls_.reload();
        break;
    case SIGUSR1:
        report();
        break;
    default:
        begin_drain(signal);
    }
}

void Host::begin_drain(int signal) {
    ::sd_notify(0, "STOPPING=1");
    for (const auto& service : services_) service->stop_listening();
    const Nanoseconds now = monotonic_now();
    drain_.start(now + config_.host.drain_timeout.count() * 1'000'000);
    log_.info("draining", {{"signal", ::sigabbrev_np(signal)},
                           {"timeout_ms", config_.host.drain_timeout.count()},
                           {"listeners", services_.size()}}); // said when nobody is let in any more
    background_.end();                                        // checks and watches
    plugins_.stop();
    for (const auto& service : services_) service->begin_drain();
    relays_.begin_drain();
}

bool Host::drained(Nanoseconds now) const noexcept {
    const bool quiet =
        std::all_of(services_.begin(), services_.end(), [](const auto& service) { return service->open() == 0; });
    return quiet || now >= drain_.deadline() + last_grace;
}

int Host::shut_down() {
    relays_.stop();
    const Nanoseconds deadline = monotonic_now() + last_grace;
    bool all = true;
    for (const auto& service : services_) {
        if (service->stop(deadline)) continue;
        all = false;
        log_.error("a thread is still in the plugin's code; leaving without it",
                   {{"listener", service->config().name}, {"plugin", service->plugin_names()}});
    }
    if (!background_.stop(deadline)) {
        all = false;
        log_.error("the background thread is still in a plugin's code; leaving without it");
    }
    report();
    log_.info("stopped", {{"log_lines_dropped", log_.dropped()}});
    if (!all) leave(0);
    return 0;
}

// Ends the process while threads are still inside plugins: nothing that they use may be destroyed, so no destructor runs.
void Host::leave(int status) noexcept {
    control_.reset();
    plugins_.remove_files();
    log_.flush();
    std::_Exit(status);
}

void Host::report() noexcept {
    for (const auto& service : services_) service->report();
    log_.info("status", {{"relayed", relays_.active()}, {"log_lines_dropped", log_.dropped()}});
}

} // namespace gatehouse::host
