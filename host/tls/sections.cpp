#include "tls/sections.hpp"

#include "base/thread.hpp"
#include "tls/reloader.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <list>
#include <new>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t pairs_for_a_thread = 64; // which are worth starting one

} // namespace

TlsServer::TlsServer(const TlsConfig& config, std::shared_ptr<TicketKeys> keys, Log& log, const TlsServer* before)
    : config_(config), counts_(before != nullptr ? before->counts_ : std::make_shared<Counts>()), log_(log),
      keys_(std::move(keys)), loader_(config_), pairs_(config_.pairs.size()) {
    if (before != nullptr) take_over(*before);
    load_pairs();
    refresh(pairs_.size()); // the authorities
    if (!problems_.empty()) throw TlsError(joined(problems_));
    publish(false);
}

// Those that the other has under the same paths, if the rest of both sections says the same: every pair has to fit to that.
// What their files say is looked at afterwards.
void TlsServer::take_over(const TlsServer& before) {
    const auto without_pairs = [](TlsConfig config) {
        config.pairs.clear();
        return config;
    };
    if (without_pairs(config_) != without_pairs(before.config_)) return;
    using Paths = std::array<std::string_view, 3>;
    const auto paths_of = [](const TlsPairConfig& pair) { return Paths{pair.certificate.path, pair.key.path, pair.ocsp.path}; };
    const std::shared_ptr<const TlsContext> theirs = before.context();
    std::map<Paths, std::size_t> by_paths;
    for (std::size_t i = 0; i < before.config_.pairs.size(); ++i) by_paths.emplace(paths_of(before.config_.pairs[i]), i);
    for (std::size_t i = 0; i < pairs_.size(); ++i)
        if (const auto found = by_paths.find(paths_of(config_.pairs[i])); found != by_paths.end())
            pairs_[i] = theirs->pairs()[found->second];
}

// Ten thousand pairs are seconds of work, nearly all of it OpenSSL's: several threads share it.
void TlsServer::load_pairs() {
    std::atomic<std::size_t> next{0};
    std::vector<std::string> problems(pairs_.size());
    struct Share {
        Share(TlsServer& owner, std::atomic<std::size_t>& counter, std::vector<std::string>& found)
            : server(owner), next_pair(counter), problems_of_pairs(found), loader(owner.config_) {}

        TlsServer& server;
        std::atomic<std::size_t>& next_pair;
        std::vector<std::string>& problems_of_pairs;
        TlsLoader loader;
        std::exception_ptr failure;

        void run() noexcept {
            try {
                for (std::size_t pair = 0; (pair = next_pair.fetch_add(1)) < server.pairs_.size();) load(pair);
            } catch (const std::exception&) {
                failure = std::current_exception();
            }
        }
        void load(std::size_t pair) {
            try {
                server.pairs_[pair] = loader.pair(pair, read_part(files_of_part(server.config_, pair)), server.pairs_[pair]);
            } catch (const TlsError& error) {
                problems_of_pairs[pair] = error.what();
            }
        }
    };
    const std::size_t wanted =
        std::min<std::size_t>(std::thread::hardware_concurrency(), pairs_.size() / pairs_for_a_thread + 1);
    std::list<Share> shares;
    {
        std::list<Thread> threads; // each ends when there are no more pairs
        while (shares.size() + 1 < wanted) {
            shares.emplace_back(*this, next, problems);
            try {
                threads.emplace_back().start<&Share::run>(shares.back(), "the loading of certificates");
            } catch (const std::system_error&) { // the others do it
                break;
            }
        }
        shares.emplace_back(*this, next, problems);
        shares.back().run();
    }
    for (const Share& share : shares)
        if (share.failure) std::rethrow_exception(share.failure);
    for (std::string& problem : problems)
        if (!problem.empty() && (problems_.empty() || problems_.back() != problem)) problems_.push_back(std::move(problem));
    any_fresh_ = true;
}

std::shared_ptr<const TlsContext> TlsServer::context() const noexcept {
    const MutexLock lock(mutex_);
    return context_;
}

void TlsServer::refresh(std::size_t part) {
    try {
        const PartTexts texts = read_part(files_of_part(config_, part));
        if (part == pairs_.size()) {
            auto loaded = loader_.authorities(texts, authorities_);
            any_fresh_ = any_fresh_ || loaded != authorities_;
            authorities_ = std::move(loaded);
            return;
        }
        auto loaded = loader_.pair(part, texts, pairs_[part]);
        if (loaded == pairs_[part]) return;
        any_fresh_ = true;
        pairs_[part] = loaded;
        fresh_.push_back(std::move(loaded));
    } catch (const TlsError& error) {
        // What is wrong with a list of the section is wrong with each pair.
        if (problems_.empty() || problems_.back() != error.what()) problems_.emplace_back(error.what());
    }
}

std::string TlsServer::publish(bool answer) {
    const std::string problems = joined(std::exchange(problems_, {}));
    const bool again = context() != nullptr; // and not when the section begins
    if (again && (any_fresh_ || !problems.empty())) counts_->reloads[problems.empty() ? 1 : 0].fetch_add(1);
    if (!problems.empty())
        log_.error("certificates not reloaded, the old ones stay", {{"tls", config_.name}, {"problem", problems}});
    loader_.rest();
    if (!std::exchange(any_fresh_, false)) {
        if (answer && problems.empty())
            log_.info("certificates reloaded", {{"tls", config_.name}, {"certificates", "none has changed"}});
        return problems;
    }
    const auto loaded = std::exchange(fresh_, {});
    std::shared_ptr<const TlsContext> old = context();
    std::shared_ptr<const TlsContext> fresh = std::make_shared<const TlsContext>(config_, pairs_, *authorities_, keys_);
    std::set<std::string_view> said;
    if (old) said.insert(old->warnings().begin(), old->warnings().end());
    for (const std::string& warning : fresh->warnings())
        if (!said.contains(warning)) log_.warning("certificate", {{"problem", warning}});
    if (old)
        log_.info("certificates reloaded", {{"tls", config_.name}, {loaded.empty() ? "" : "certificates", summary(loaded)}});
    const MutexLock lock(mutex_);
    context_.swap(fresh); // the last session of the old one deletes it, or this does after the lock
    return problems;
}

std::unique_ptr<TlsSession> TlsServer::session(int fd, Reason& refused) noexcept {
    if (handshakes_.fetch_add(1, std::memory_order_relaxed) >= config_.max_handshakes) {
        handshakes_.fetch_sub(1, std::memory_order_relaxed);
        refused = Reason::handshakes_full;
        return nullptr;
    }
    refused = Reason::host_out_of_memory;
    return TlsSession::server(context(), fd, handshakes_);
}

TlsServers::TlsServers(const std::vector<TlsConfig>& configs, TicketKeyRing& ring, Log& log, const TlsServers* before)
    : log_(log) {
    std::vector<std::string> problems;
    for (const TlsConfig& config : configs) {
        try {
            const Nanoseconds lifetime = after(0, config.ticket_lifetime);
            auto keys = lifetime == never ? nullptr : ring.keys_of(config.name, lifetime);
            const auto* theirs =
                before != nullptr && before->servers_.contains(config.name) ? before->servers_.at(config.name).get() : nullptr;
            servers_.emplace(config.name, std::make_unique<TlsServer>(config, std::move(keys), log, theirs));
        } catch (const TlsError& error) {
            problems.emplace_back(error.what());
        }
    }
    if (!problems.empty()) throw TlsError(joined(problems));
}

TlsServers::~TlsServers() { unwatch(); }

void TlsServers::unwatch() noexcept {
    if (reloader_) background_->remove(*reloader_);
}

void TlsServers::watch(Background& background, Alarm& alarm) {
    if (servers_.empty()) return;
    auto reloader = std::make_shared<TlsReloader>(servers_, background, alarm, log_);
    if (!background.add(reloader, monotonic_now())) {
        log_.warning("certificates are not loaded again when they change: no thread or memory for that");
        return;
    }
    background_ = &background;
    reloader_ = std::move(reloader);
}

std::uint64_t TlsServers::reload() noexcept { return reloader_ ? reloader_->reload() : 0; }

std::optional<std::string> TlsServers::reloaded(std::uint64_t which) const {
    return reloader_ ? reloader_->reloaded(which) : "the host has no thread that loads certificates";
}

} // namespace gatehouse::host
