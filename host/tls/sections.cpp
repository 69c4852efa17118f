#include "tls/sections.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds settle_time = 200'000'000;      // files without a change for so long are complete
constexpr Nanoseconds settle_at_most = 2'000'000'000; // for folders that change all the time

// Later reloads need the stamps alone, and keys must not stay in memory.
void forget_texts(TlsFiles& files) noexcept {
    const auto forget = [](FileText& file) {
        ::explicit_bzero(file.text.data(), file.text.size());
        file.text.clear();
    };
    for (TlsFiles::Pair& pair : files.pairs)
        for (FileText* file : {&pair.certificate, &pair.key, &pair.ocsp}) forget(*file);
    forget(files.client_ca);
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

} // namespace

TlsServer::TlsServer(const TlsConfig& config, std::shared_ptr<TicketKeys> keys, Log& log)
    : config_(config), log_(log), keys_(std::move(keys)) {
    std::vector<std::string> problems;
    context_ = load(problems);
    if (!context_) throw TlsError(joined(problems));
}

std::shared_ptr<const TlsContext> TlsServer::load(std::vector<std::string>& problems) {
    TlsFiles files = read_tls_files(config_, problems);
    std::shared_ptr<const TlsContext> context;
    if (problems.empty()) {
        try {
            context = std::make_shared<const TlsContext>(config_, files, keys_);
            for (const std::string& warning : context->warnings()) log_.warning("certificate", {{"problem", warning}});
        } catch (const TlsError& error) {
            problems.emplace_back(error.what());
        }
    }
    forget_texts(files);
    looked_at_ = std::move(files);
    return context;
}

std::shared_ptr<const TlsContext> TlsServer::context() const noexcept {
    const MutexLock lock(mutex_);
    return context_;
}

void TlsServer::reload(bool only_changed) noexcept {
    try {
        if (only_changed && !tls_files_changed(config_, looked_at_)) return;
        std::vector<std::string> problems;
        std::shared_ptr<const TlsContext> fresh = load(problems);
        problem_ = joined(problems);
        if (!fresh) {
            log_.error("certificates not reloaded, the old ones stay", {{"tls", config_.name}, {"problem", problem_}});
            return;
        }
        log_.info("certificates reloaded", {{"tls", config_.name}, {"certificates", fresh->summary()}});
        const MutexLock lock(mutex_);
        context_.swap(fresh); // the last session of the old one deletes it, or this does after the lock
    } catch (const std::bad_alloc&) {
        problem_ = "no memory"; // short enough for std::string to allocate none
        log_.error("certificates not reloaded, the old ones stay", {{"tls", config_.name}, {"problem", problem_}});
    }
}

std::unique_ptr<TlsSession> TlsServer::session(int fd, Reason& refused) noexcept {
    if (handshakes_.fetch_add(1, std::memory_order_relaxed) >= config_.max_handshakes) {
        handshakes_.fetch_sub(1, std::memory_order_relaxed);
        refused = Reason::over_limit;
        return nullptr;
    }
    refused = Reason::host_out_of_memory;
    return TlsSession::server(context(), fd, handshakes_);
}

TlsServers::TlsServers(const std::vector<TlsConfig>& configs, TicketKeyRing& ring, Log& log) : log_(log) {
    std::vector<std::string> problems;
    for (const TlsConfig& config : configs) {
        try {
            const Nanoseconds lifetime = after(0, config.ticket_lifetime);
            auto keys = lifetime == never ? nullptr : ring.keys_of(config.name, lifetime);
            servers_.emplace(config.name, std::make_unique<TlsServer>(config, std::move(keys), log));
        } catch (const TlsError& error) {
            problems.emplace_back(error.what());
        }
    }
    if (!problems.empty()) throw TlsError(joined(problems));
}

void TlsServers::watch() {
    if (servers_.empty()) return;
    watch_ = std::make_unique<FileWatch>();
    follow();
    due_ = first_change_ = 0; // files may have changed after they were loaded
}

void TlsServers::follow() noexcept {
    if (!watch_) return;
    int error = watch_->working() ? 0 : EMFILE;
    const auto add = [&](const TlsFile& file) {
        if (error == 0 && !file.path.empty() && !watch_->add(file.path)) error = errno;
    };
    try {
        for (const auto& [name, server] : servers_) {
            for (const TlsPairConfig& pair : server->config().pairs) {
                add(pair.certificate);
                add(pair.key);
                add(pair.ocsp);
            }
            add(server->config().client_ca);
        }
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    }
    if (error != 0 && !watch_failed_)
        log_.warning("certificates are not watched for changes; SIGHUP reloads them", {{"error", std::strerror(error)}});
    watch_failed_ = error != 0;
}

Nanoseconds TlsServers::supervise(Nanoseconds now) noexcept {
    if (watch_ && watch_->happened()) {
        first_change_ = std::min(first_change_, now);
        due_ = std::min(now + settle_time, first_change_ + settle_at_most);
    }
    if (due_ > now) return due_;
    due_ = first_change_ = never;
    follow(); // first: a change from here on has an event of its own
    for (const auto& [name, server] : servers_) server->reload(true);
    return never;
}

void TlsServers::reload() noexcept {
    follow();
    for (const auto& [name, server] : servers_) server->reload(false);
}

} // namespace gatehouse::host
