#include "host.hpp"

#include "base/text_table.hpp"
#include "control/message.hpp"
#include "process/cpus.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <system_error>
#include <systemd/sd-daemon.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds last_grace = 500'000'000; // after the drain timeout, for calls that were cut off to return

sigset_t handled_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::sigaddset(&set, signal);
    return set;
}

} // namespace

void prepare_process() {
    const sigset_t set = handled_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
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
            problems += (problems.empty() ? "" : "\n") + (text.starts_with("plugin library") ? plugin.where + ": " : "") + text;
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
    : config_(config), privileges_(config.process), log_(config.log), cpus_(usable_cpus()),
      relays_(config.host.relay_threads != 0 ? config.host.relay_threads : cpus_, config.host.scheduling, drain_),
      resolver_(config.host.resolvers), background_(config.host.scheduling), discovery_(background_, config.host.resolvers),
      tls_(config.tls, log_), commons_{config.log.access, log_, alarm_, drain_, relays_, resolver_, tls_},
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
            services_.push_back(std::make_unique<Service>(listener, static_cast<std::uint32_t>(services_.size()),
                                                          plugins_.finder(), pool_for(listener), commons_));
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

// The listener's own pool, or the one of its plugin.
Pool& Host::pool_for(const ListenerConfig& listener) {
    const bool shared = listener.pool == PoolKind::shared;
    if (shared)
        if (const auto found = shared_pools_.find(listener.plugin); found != shared_pools_.end()) return *found->second;
    const Threads& threads = listener.threads;
    PoolOptions options;
    options.name = shared ? listener.plugin : listener.name;
    options.ready = threads.min;
    options.enough = std::min(threads.min != 0 ? threads.min : cpus_, threads.max);
    options.max = threads.max;
    options.stack_size = config_.host.stack_size;
    options.scheduling = config_.host.scheduling;
    options.keep = threads.keep;
    pools_.push_back(
        std::make_unique<Pool>(std::move(options), alarm_, standby_, [this](std::uint64_t token, std::uint32_t events) {
            services_[ConnectionTable::service_of(token)]->ready(token, events);
        }));
    if (shared) shared_pools_[listener.plugin] = pools_.back().get();
    return *pools_.back();
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

// Plugins before services: until destroy() has returned, their own threads may wake connections.
Host::~Host() {
    control_.reset();
    for (const auto& pool : pools_) pool->stop(); // still to be done if run() has thrown
    for (const auto& pool : pools_) pool->join(never);
    plugins_.destroy();
}

// The one that may have the connection.
Service* Host::service_of(std::uint64_t id) noexcept {
    const std::uint32_t number = ConnectionTable::service_of(id);
    return complete_.load() && number < services_.size() ? services_[number].get() : nullptr;
}

int Host::run() {
    for (const auto& pool : pools_) pool->start();
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
        std::array<pollfd, 5> waiting{{{standby_.descriptor(), POLLIN, 0},
                                       {signals_.get(), POLLIN, 0},
                                       {alarm_.descriptor(), POLLIN, 0},
                                       {tls_.descriptor(), POLLIN, 0},
                                       {control_ ? control_->descriptor() : -1, POLLIN, 0}}};
        ::poll(waiting.data(), waiting.size(), -1);
        standby_.serve(); // first: a client waits for it
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
        for (const auto& pool : pools_) again = std::min(again, pool->supervise(now));
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

// --- the table -----------------------------------------------------------------------------------------------------------

namespace {

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

// The plugin's own suggestion, with this listener's address in it.
std::string command_to_try(const Service& service) {
    const gatehouse_str suggestion = service.plugins().front()->hooks().try_it;
    const std::string& address = service.listener().address();
    if (address.starts_with("unix:")) return "nc -U " + address.substr(5);
    const std::string port = std::to_string(service.listener().port());
    std::string host = address.substr(0, address.rfind(':'));
    if (host == "[::]" || host == "0.0.0.0" || host == "127.0.0.1" || host == "[::1]") host = "localhost";
    std::string command = suggestion.size == 0 ? "nc localhost {port}" : std::string(suggestion.data, suggestion.size);
    if (!service.config().tls.empty()) {
        const bool web = command.starts_with("curl http://");
        command = web ? replaced(command, "http://", "https://") : "openssl s_client -quiet -connect {host}:{port}";
    }
    return replaced(replaced(command, "{host}", host), "{port}", port);
}

} // namespace

std::string listener_table(const Host& host) {
    std::vector<Row> rows{{"listener", "address", "plugin", "try"}};
    for (const auto& service : host.services())
        rows.push_back(
            {service->config().name, service->listener().address(), service->plugin_names(), command_to_try(*service)});
    return format_table(rows);
}

} // namespace gatehouse::host
