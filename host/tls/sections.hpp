// The [tls.NAME] sections at work: each has a context, and gets another one when its files change.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "tls/context.hpp"
#include "tls/file_watch.hpp"
#include "tls/session.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

// One section. Its certificates, keys, OCSP responses and authorities are loaded together; if one is bad, none is used.
class TlsServer {
  public:
    // `keys` of its tickets; null: no tickets. Throws TlsError with all problems. [main]
    TlsServer(const TlsConfig& config, std::shared_ptr<TicketKeys> keys, Log& log);

    // The context for new connections. [any]
    std::shared_ptr<const TlsContext> context() const noexcept;

    // Loads the files again; with `only_changed`, only if one of them has changed since they were last read. If one is bad, the
    // log says why, and the context stays as it is. [main]
    void reload(bool only_changed) noexcept;
    // The problems of the last load, a line each; empty: it succeeded. [main]
    const std::string& problem() const noexcept { return problem_; }

    // Makes a session for a new connection and counts its handshake against max_handshakes. Null: `refused` says why. [any]
    std::unique_ptr<TlsSession> session(int fd, Reason& refused) noexcept;
    std::uint32_t handshakes() const noexcept { return handshakes_.load(std::memory_order_relaxed); } // going on now

    const TlsConfig& config() const noexcept { return config_; }

  private:
    std::shared_ptr<const TlsContext> load(std::vector<std::string>& problems);

    const TlsConfig& config_; // constant after construction, as are the next two
    Log& log_;
    std::shared_ptr<TicketKeys> keys_; // stay when files are reloaded; null: no tickets
    TlsFiles looked_at_;               // [main], as is the next; it has the stamps of the files, but no texts
    std::string problem_;
    std::atomic<std::uint32_t> handshakes_{0};

    mutable Mutex mutex_;
    std::shared_ptr<const TlsContext> context_ GATEHOUSE_GUARDED_BY(mutex_);
};

// All sections of a configuration.
class TlsServers {
  public:
    // Throws TlsError with all problems of all sections. [main]
    TlsServers(const std::vector<TlsConfig>& configs, TicketKeyRing& ring, Log& log);

    TlsServer& find(const std::string& name) const { return *servers_.at(name); }

    // Begins to watch the files. [main]
    void watch();
    // Readable when supervise() must be called; -1: no file is watched. [main]
    int descriptor() const noexcept { return watch_ ? watch_->descriptor() : -1; }

    // Reloads files that have changed. It first waits until nothing changes for a moment, as a certificate and its key are two
    // files. The result is the time at which to call it again; `never`: when descriptor() is readable. [main]
    Nanoseconds supervise(Nanoseconds now) noexcept;

    // Loads all files again, whether they have changed or not: the operator's command. [main]
    void reload() noexcept;

    // The sections by their names; constant. [any]
    const std::map<std::string, std::unique_ptr<TlsServer>>& sections() const noexcept { return servers_; }

  private:
    void follow() noexcept;

    Log& log_; // constant after construction, as is what servers_ points to
    std::map<std::string, std::unique_ptr<TlsServer>> servers_;
    std::unique_ptr<FileWatch> watch_;
    bool watch_failed_ = false;
    Nanoseconds first_change_ = never; // since the last reload
    Nanoseconds due_ = never;          // the next reload
};

} // namespace gatehouse::host
