// The [tls.NAME] sections at work: each has a context, and gets another one when its files change.
#pragma once

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/reason.hpp"
#include "config/config.hpp"
#include "threads/alarm.hpp"
#include "threads/background.hpp"
#include "tls/context.hpp"
#include "tls/handshake_counts.hpp"
#include "tls/loader.hpp"
#include "tls/session.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

// One section.
class TlsServer {
  public:
    // Loads all parts (see tls/files.hpp); if one is bad, throws TlsError with all problems. `keys` of its tickets; null: no
    // tickets. `before`: the section of this name in the generation before, whose certificates are taken over if their files
    // say the same; or null. [who makes a generation]
    TlsServer(const TlsConfig& config, std::shared_ptr<TicketKeys> keys, Log& log, const TlsServer* before = nullptr);

    // The context for new connections. [any]
    std::shared_ptr<const TlsContext> context() const noexcept;

    // Reads the files of a part again. If they are bad, the old part stays; publish() says so. [background]
    void refresh(std::size_t part);
    // Puts what has changed to use, in a new context. With `answer`, the log tells also that nothing has. The result is the
    // problems of refresh(), a line each. [background]
    std::string publish(bool answer);

    // Makes a session for a new connection and counts its handshake against max_handshakes. Null: `refused` says why. [any]
    std::unique_ptr<TlsSession> session(int fd, Reason& refused) noexcept;
    std::uint32_t handshakes() const noexcept { return handshakes_.load(std::memory_order_relaxed); } // going on now

    HandshakeCounts& counts() const noexcept { return *counts_; } // [any]
    // How often publish() has put changed files to use, and how often it has found bad ones. [any]
    std::uint64_t reloads(bool good) const noexcept { return counts_->reloads[good ? 1 : 0].load(std::memory_order_relaxed); }

    const TlsConfig& config() const noexcept { return config_; }

  private:
    void load_pairs();
    void take_over(const TlsServer& before);

    struct Counts : HandshakeCounts {
        std::array<std::atomic<std::uint64_t>, 2> reloads{}; // bad ones and good ones
    };

    const TlsConfig& config_;              // constant after construction, as are the next three
    const std::shared_ptr<Counts> counts_; // of all sections of this name, one after the other
    Log& log_;
    std::shared_ptr<TicketKeys> keys_; // stay when files are loaded again; null: no tickets

    TlsLoader loader_; // [background] after construction, as are the next ones
    std::vector<std::shared_ptr<const LoadedPair>> pairs_;
    std::shared_ptr<const LoadedAuthorities> authorities_;
    std::vector<std::string> problems_;                    // since the last publish(), as the next two
    std::vector<std::shared_ptr<const LoadedPair>> fresh_; // of pairs_
    bool any_fresh_ = false;

    std::atomic<std::uint32_t> handshakes_{0};

    mutable Mutex mutex_;
    std::shared_ptr<const TlsContext> context_ GATEHOUSE_GUARDED_BY(mutex_);
};

class TlsReloader;

// All sections of a configuration.
class TlsServers {
  public:
    // Throws TlsError with all problems of all sections. `before`: as above. [who makes a generation]
    TlsServers(const std::vector<TlsConfig>& configs, TicketKeyRing& ring, Log& log, const TlsServers* before = nullptr);
    ~TlsServers();

    TlsServer& find(const std::string& name) const { return *servers_.at(name); }

    // From now on files that change are loaded again, on the background thread. [main]
    void watch(Background& background, Alarm& alarm);

    // Ends that. Waits for what goes on. [any, once]
    void unwatch() noexcept;

    // Has all files loaded again, whether they have changed or not: the operator's command. [main]
    std::uint64_t reload() noexcept;
    // The problems of that reload, a line each; nothing: it is not done. The alarm goes off when it is. [main]
    std::optional<std::string> reloaded(std::uint64_t which) const;

    // The sections by their names; constant. [any]
    const std::map<std::string, std::unique_ptr<TlsServer>>& sections() const noexcept { return servers_; }

  private:
    Log& log_; // constant after construction, as is what servers_ points to
    std::map<std::string, std::unique_ptr<TlsServer>> servers_;
    Background* background_ = nullptr;      // constant after watch(), as is the next
    std::shared_ptr<TlsReloader> reloader_; // null: there are no sections
};

} // namespace gatehouse::host
