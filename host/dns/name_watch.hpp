// Watched names: the servers behind a name, now and whenever they change.
//
// Each watch asks for its name when the shortest time to live of the last answer is over, between 1 and 60 seconds. An answer
// from /etc/hosts, which has no such time, counts as 60 seconds. A name that cannot be resolved is asked for again after 1, 2,
// 4, ... and then each 30 seconds.
//
// What the network sends is multiplied here: records by names by addresses. So a watch takes at most `most_endpoints` servers,
// and keeps no more addresses than that; those of the lowest priority come first. The rest is left out, and left_out() says so.
//
// A part that cannot be resolved for the moment keeps its last answer: the addresses of one target of an SRV record, or the
// IPv6 addresses of a host whose IPv4 ones are known. What the name server says does not exist is gone at once.
#pragma once

#include "base/mutex.hpp"
#include "dns/async_resolver.hpp"
#include "net/address.hpp"
#include "threads/background.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// A server that a name leads to.
struct FoundServer {
    std::string address;        // "192.0.2.1:80" or "[2001:db8::1]:80"
    std::uint16_t priority = 0; // of an SRV record, RFC 2782; 0 otherwise, as the weight
    std::uint16_t weight = 0;

    auto operator<=>(const FoundServer&) const = default;
};

inline constexpr std::size_t most_endpoints = 1024; // servers of one watch
inline constexpr std::size_t most_targets = 128;    // names that its SRV records lead to

struct WatchedName {
    bool service = false; // SRV
    std::string text;     // the host, or the SRV name
    std::uint16_t port = 0;
    std::string numeric; // the endpoint, if it is known without asking
};

// Reads "host:port" or "srv:_service._tcp.domain"; nothing, and `error` says why, if it is neither.
std::optional<WatchedName> parse_watched_name(const std::string& text, std::string& error);

class NameWatch;

// The watches of a host, which share one resolver.
class NameWatches {
  public:
    // `resolvers`: as in HostConfig. `second`: how long a second of the times to live and of the pauses lasts, for tests.
    // Throws std::runtime_error. [main]
    NameWatches(Background& background, const std::vector<std::string>& resolvers, Nanoseconds second = 1'000'000'000);
    ~NameWatches(); // watches that are left rest by then: Background::end() has been called

    // From now on the watch reports; unwatch() ends it. False: no memory or thread for it, or too many. [any]
    bool start(std::shared_ptr<NameWatch> watch) noexcept;

  private:
    friend class NameWatch;

    Background& background_; // constant after construction, as are the next two
    const Nanoseconds second_;
    const std::shared_ptr<AsyncResolver> resolver_;
    Mutex mutex_;
    bool started_ GATEHOUSE_GUARDED_BY(mutex_) = false; // the resolver has been added to the background thread
};

// A watch goes round by round: it asks, for an SRV name then for each target, and when the last answer has come compares the
// endpoints with those of the round before. It runs on the background thread alone.
class NameWatch : public Activity, public std::enable_shared_from_this<NameWatch> {
  public:
    NameWatch(NameWatches& watches, WatchedName name);

    // Ends the watch. When this returns, it does not report any more and may be gone. May be called from a report. The caller
    // holds no lock that a report takes. [any]
    void unwatch() noexcept { background_.remove(*this); }

  private:
    // [background] The endpoints, all of them and sorted: the first answer, and each set that differs from the last one.
    virtual void found(std::span<const FoundServer> endpoints) = 0;
    // [background] The name is no longer resolved, or never was; once, until found() again. `status`: as in NameAnswer.
    virtual void lost(Lookup status, std::string_view why) = 0;
    // [background] The name leads to more than a watch takes; once, until it no longer does.
    virtual void left_out(std::string_view what) = 0;

    using Addresses = std::vector<SocketAddress>;

    void due() noexcept final;
    void ready(int /*fd*/, std::uint32_t /*events*/) noexcept final {}

    void begin_round();
    void ask_for_services();
    void ask_for_hosts(const std::set<std::string>& hosts);
    template <class Take>
    AsyncResolver::Answered when_answered(const Take& take);
    void take_services(const NameAnswer& answer);
    void take_addresses(const std::string& host, const NameAnswer& answer);
    void keep(const std::string& host, Addresses addresses);
    std::vector<FoundServer> endpoints();
    void report_left_out(std::size_t taken);
    void note_ttl(std::uint32_t ttl) noexcept;
    void note_failure(Lookup status, const std::string& why);
    void end_round();
    void report(std::vector<FoundServer> endpoints);
    void report_failure();

    Background& background_; // constant after construction, as are the next three
    const Nanoseconds second_;
    const std::shared_ptr<AsyncResolver> resolver_;
    const WatchedName name_;

    // This round.
    std::uint64_t round_ = 0; // its number: answers to the questions of an earlier one come too late
    bool asking_ = false;
    std::size_t unanswered_ = 0;
    std::uint32_t ttl_ = 0;                      // seconds
    std::vector<DnsService> services_;           // in the order in which they are taken
    std::map<std::string, Addresses> addresses_; // by host
    std::size_t share_ = most_endpoints;         // addresses of each host
    bool cut_ = false;                           // something is left out,
    std::size_t records_ = 0, longest_ = 0;      // of so many SRV records, or of so many addresses of one host
    Lookup status_ = Lookup::found;              // of what has failed
    std::string why_;

    // What is known.
    std::map<std::string, Addresses> last_addresses_;  // of the round before
    std::optional<std::vector<FoundServer>> reported_; // nothing: a failure, or not yet
    bool failure_reported_ = false;
    bool cut_reported_ = false;
    std::uint32_t pause_ = 1; // seconds, until the next try after a failure
};

} // namespace gatehouse::host
