#include "config_check.hpp"

#include "control/server.hpp"
#include "generation.hpp"
#include "idle_host.hpp"
#include "maps/live_maps.hpp"
#include "process/descriptor_limit.hpp"
#include "process/privileges.hpp"
#include "stages/detection.hpp"
#include "tls/trial.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace gatehouse::host {
namespace {

class Problems {
  public:
    // Takes note of what is thrown, and goes on.
    template <class Work>
    void of(Work work, const std::string& as = "") {
        try {
            work();
        } catch (const std::exception& error) {
            add(as + error.what());
        }
    }
    void add(const std::string& problem) { texts_.push_back(problem); }
    const std::vector<std::string>& texts() const noexcept { return texts_; }

  private:
    std::vector<std::string> texts_;
};

void check_sockets(const Config& config, bool bind, Log& log, Problems& problems) {
    std::optional<ListenerConfig> control;
    if (!config.host.control.empty()) control = control_listener(config.host);
    if (bind) {
        LiveOrders none(log);
        Endpoints endpoints(log, none);
        problems.of([&] { (void)endpoints.open(config.listeners); });
        if (control) problems.of([&] { const Listener bound(*control, log); });
        return;
    }
    for (const ListenerConfig& listener : config.listeners) problems.of([&] { try_address(listener, log); });
    if (control) problems.of([&] { try_address(*control, log); });
}

// A client that connects to one of the names of each certificate.
void check_handshakes(const Config& config, const TlsServers& tls, Problems& problems) {
    for (const TlsConfig& section : config.tls) {
        const std::shared_ptr<const TlsContext> context = tls.find(section.name).context();
        for (std::size_t i = 0; i < section.pairs.size(); ++i)
            problems.of([&] {
                const std::vector<std::string>& names = context->pairs()[i]->names;
                std::string name = names.empty() ? "" : names.front();
                if (name.starts_with("*.")) name.front() = 'a';
                const std::string why = try_handshake(context, name);
                if (!why.empty())
                    problems.add(at_file(section.pairs[i].certificate,
                                         "clients with usual settings get no handshake: " + why +
                                             " (expected a key that they take, such as P-256, and `groups` and `ciphers` that "
                                             "they have)"));
            });
    }
}

// What is opened at the start, or later by this process as it is now.
void check_log_file(const std::filesystem::path& file, const Place& where, const std::string& advice, Problems& problems) {
    if (file.empty()) return;
    const bool exists = ::faccessat(AT_FDCWD, file.c_str(), F_OK, AT_EACCESS) == 0;
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    int error = 0;
    if (std::filesystem::is_directory(file))
        error = EISDIR;
    else if (exists ? ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0
                    : ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        error = errno;
    if (error != 0)
        problems.add(where.text + ": log.file: cannot open " + file.native() + ": " + std::strerror(error) + advice);
}

void check_log_files(const Config& config, const std::string& advice, bool only_those_there, Problems& problems) {
    const std::vector<LogOutputConfig> outputs = config.log.all_outputs();
    for (std::size_t i = 0; i < outputs.size(); ++i)
        if (!only_those_there || std::filesystem::exists(outputs[i].file))
            check_log_file(outputs[i].file, config.log_files[i], advice, problems);
}

} // namespace

std::vector<std::string> check(const Config& config, bool bind) {
    const Privileges privileges(config.process);
    TlsServers* loaded = nullptr;
    IdleHost idle(config.host, [&](const std::string& name) { return loaded != nullptr ? &loaded->find(name) : nullptr; });
    Log& log = idle.log();
    const Facilities& facilities = idle.facilities();

    Problems problems;
    TicketKeyRing keys;
    std::optional<TlsServers> tls;
    problems.of([&] { tls.emplace(config.tls, keys, log); });
    if (tls) loaded = &*tls;
    if (tls) check_handshakes(config, *tls, problems);
    problems.of([&] { const LiveMaps read(config.maps, log); });
    PluginLibraries libraries;
    std::optional<Plugins> plugins;
    problems.of([&] {
        plugins.emplace(config, facilities, libraries);
        check_routes(config, plugins->finder());
    });
    check_sockets(config, bind, log, problems);
    check_log_files(config, "", false, problems);
    warn_of_descriptors(config.listeners, log);

    // The last thing, since there is no way back.
    if (plugins && tls && privileges.changes_account() && ::geteuid() == 0) {
        const std::string as = "as the user of [process]: ";
        problems.of([&] {
            privileges.expect_possible();
            libraries.hand_over(privileges.user(), privileges.group());
            privileges.drop(log);
            for (const TlsConfig& section : config.tls)
                for (const std::string& problem : unreadable_tls_files(section))
                    problems.add(
                        problem +
                        "; a renewed one could not be loaded by the user of [process] (expected files that it may read)");
            problems.of([&] { const LiveMaps read(config.maps, log); }, as);
            check_log_files(config, "; give it to the user of [process], who opens it again after SIGUSR2", true, problems);
        });
        problems.of([&] { plugins->try_again(config, facilities); }, as);
    }
    return problems.texts();
}

} // namespace gatehouse::host
