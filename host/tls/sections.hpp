// The [tls.NAME] sections at work: what is loaded now, and loading it anew when its files change.
#pragma once

#include "base/log.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "threads/alarm.hpp"
#include "tls/file_watch.hpp"
#include "tls/session.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gatehouse::host {

// One section. Certificates, keys, OCSP responses and authorities are loaded together or not at all.
class TlsServer {
  public:
    TlsServer(const TlsConfig& config, Log& log); // throws TlsError with all problems. [main]

    // What new connections are to use. [any]
    std::shared_ptr<const TlsContext> context() const noexcept;

    // Loads the files again: with `only_changed`, if one of them is another than when they were last looked at. What is bad
    // is not used: the log says why, and what was loaded before stays. [main]
    void reload(bool only_changed) noexcept;
    // What was wrong when the files were loaded last, in words; empty: nothing. [main]
    const std::string& problem() const noexcept { return problem_; }

    // A session for a new connection, which takes one of max_handshakes; null: `refused` says why not. [any]
    std::unique_ptr<TlsSession> session(int fd, Reason& refused) noexcept;
    std::uint32_t handshakes() const noexcept { return handshakes_.load(std::memory_order_relaxed); } // going on now

    const TlsConfig& config() const noexcept { return config_; }

  private:
    std::shared_ptr<const TlsContext> load(std::vector<std::string>& problems);

    const TlsConfig& config_; // constant after construction, as are the next two
    Log& log_;
    std::shared_ptr<TicketKeys> keys_; // survive a reload; null: no tickets
    TlsFiles looked_at_;               // of the main thread, as is the next: stamps alone
    std::string problem_;
    std::atomic<std::uint32_t> handshakes_{0};

    mutable std::mutex mutex_;
    std::shared_ptr<const TlsContext> context_; // guarded by mutex_
};

// All sections of a configuration.
class TlsServers {
  public:
    // Throws TlsError with all problems of all sections. [main]
    TlsServers(const std::vector<TlsConfig>& configs, Log& log);

    TlsServer& find(const std::string& name) const { return *servers_.at(name); }

    // Watches the files from now on. [main]
    void watch();
    int descriptor() const noexcept { return watch_ ? watch_->descriptor() : -1; } // to be polled: -1: nothing to watch

    // Takes note of changes, and loads what has changed once nothing more happens for a moment: a certificate and its key are
    // two files. Returns when it wants to be asked again. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // By command: loads everything anew, changed or not. [main]
    void reload() noexcept;

    // The sections by their names; constant. [any]
    const std::map<std::string, std::unique_ptr<TlsServer>>& sections() const noexcept { return servers_; }

  private:
    void follow() noexcept;

    Log& log_; // constant after construction, as is what servers_ points to
    std::map<std::string, std::unique_ptr<TlsServer>> servers_;
    std::unique_ptr<FileWatch> watch_;
    bool watch_failed_ = false;
    Nanoseconds first_change_ = never; // that has not been looked at yet
    Nanoseconds due_ = never;
};

} // namespace gatehouse::host
