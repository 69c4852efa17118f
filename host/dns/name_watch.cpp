#include "dns/name_watch.hpp"

#include "base/printable.hpp"
#include "dns/resolver.hpp"
#include "net/server_name.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <tuple>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t shortest_ttl = 1; // seconds
constexpr std::uint32_t longest_ttl = 60;
constexpr std::uint32_t longest_pause = 30; // seconds, between failures
constexpr std::uint32_t partial_ttl = 5;    // seconds, if a part could not be resolved
constexpr Nanoseconds longest_round = 15'000'000'000;
constexpr Nanoseconds turn = 50'000'000; // until there is room for more questions
static_assert(most_targets <= AsyncResolver::most_questions);

std::string with_port(SocketAddress address, std::uint16_t port) {
    if (address.storage.ss_family == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
    else
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
    return to_string(address);
}

// IPv4 first. What is left out of a long answer must not depend on the order in which a name server happens to give it.
bool comes_before(const SocketAddress& one, const SocketAddress& other) noexcept {
    return std::memcmp(&one.storage, &other.storage, sizeof one.storage) < 0;
}

} // namespace

std::optional<WatchedName> parse_watched_name(const std::string& text, std::string& error) {
    constexpr std::string_view prefix = "srv:";
    const bool service = text.starts_with(prefix);
    // An SRV name has no port; with one it is checked like a host's.
    const std::optional<Address> address = parse_address(service ? text.substr(prefix.size()) + ":1" : text, error);
    if (!address) return std::nullopt;
    const bool somewhere =
        address->kind == Address::Kind::tcp && address->port != 0 && !address->host.empty() && address->host != "*";
    const std::optional<SocketAddress> numeric = somewhere ? numeric_address(*address) : std::nullopt;
    if (somewhere && !service) return WatchedName{false, address->host, address->port, numeric ? to_string(*numeric) : ""};
    if (somewhere && !numeric && address->host.find('.') != std::string::npos) return WatchedName{true, address->host, 0, ""};
    error = in_quotes(text) + R"( is no name to watch (expected "host:port" or "srv:_service._tcp.domain"))";
    return std::nullopt;
}

NameWatches::NameWatches(Background& background, const std::vector<std::string>& resolvers, Nanoseconds second)
    : background_(background), second_(second),
      resolver_(std::make_shared<AsyncResolver>(background, resolver_list(resolvers))) {}

NameWatches::~NameWatches() { background_.remove(*resolver_); }

bool NameWatches::start(std::shared_ptr<NameWatch> watch) noexcept {
    const MutexLock lock(mutex_);
    started_ = started_ || background_.add(resolver_, never);
    return started_ && background_.add(std::move(watch), monotonic_now());
}

NameWatch::NameWatch(NameWatches& watches, WatchedName name)
    : background_(watches.background_), second_(watches.second_), resolver_(watches.resolver_), name_(std::move(name)) {}

void NameWatch::due() noexcept {
    try {
        if (!name_.numeric.empty()) return report({{name_.numeric}});
        if (!asking_) return begin_round();
        if (unanswered_ > 0) note_failure(Lookup::timeout, "no answer in time");
        end_round();
    } catch (const std::bad_alloc&) {
        asking_ = false;
        background_.at(*this, monotonic_now() + second_);
    }
}

void NameWatch::begin_round() {
    if (!resolver_->has_room(name_.service ? most_targets : 1)) {
        background_.at(*this, monotonic_now() + turn);
        return;
    }
    ++round_;
    asking_ = true;
    unanswered_ = 0;
    ttl_ = longest_ttl;
    services_.clear();
    addresses_.clear();
    share_ = most_endpoints;
    cut_ = false;
    records_ = longest_ = 0;
    status_ = Lookup::found;
    background_.at(*this, monotonic_now() + longest_round);
    if (name_.service)
        ask_for_services();
    else
        ask_for_hosts({name_.text});
}

// `take` is called in the resolver's turn on the background thread, when the watch may have ended or begun another round. It
// only notes the answer; the round goes on in due().
template <class Take>
AsyncResolver::Answered NameWatch::when_answered(const Take& take) {
    ++unanswered_;
    return [weak = weak_from_this(), round = round_, take](const NameAnswer& answer) {
        const std::shared_ptr<NameWatch> watch = weak.lock();
        if (!watch || !watch->asking_ || watch->round_ != round) return;
        take(*watch, answer);
        if (--watch->unanswered_ == 0) watch->background_.at(*watch, monotonic_now());
    };
}

void NameWatch::ask_for_services() {
    resolver_->find_services(name_.text,
                             when_answered([](NameWatch& watch, const NameAnswer& answer) { watch.take_services(answer); }));
}

void NameWatch::ask_for_hosts(const std::set<std::string>& hosts) {
    for (const std::string& host : hosts)
        resolver_->find_addresses(
            host, when_answered([host](NameWatch& watch, const NameAnswer& answer) { watch.take_addresses(host, answer); }));
}

void NameWatch::take_services(const NameAnswer& answer) {
    if (answer.status != Lookup::found) return note_failure(answer.status, answer.why);
    note_ttl(answer.records.ttl);
    for (DnsService service : answer.records.services) {
        service.target = ServerName(service.target).text();        // "A.example" is "a.example"
        if (service.target.empty() || service.port == 0) continue; // "not available at this domain", RFC 2782
        services_.push_back(std::move(service));
    }
    const auto key = [](const DnsService& service) {
        return std::tie(service.priority, service.target, service.port, service.weight);
    };
    std::sort(services_.begin(), services_.end(), [&](const auto& one, const auto& other) { return key(one) < key(other); });
    services_.erase(std::unique(services_.begin(), services_.end()), services_.end());
    records_ = services_.size();
    services_.resize(std::min(records_, most_endpoints));
    std::set<std::string> targets;
    for (const DnsService& service : services_)
        if (targets.size() < most_targets) targets.insert(service.target);
    std::erase_if(services_, [&](const DnsService& service) { return !targets.contains(service.target); });
    cut_ = services_.size() < records_;
    if (targets.empty()) return note_failure(Lookup::not_found, "the service is not available");
    share_ = most_endpoints / targets.size();
    ask_for_hosts(targets);
}

void NameWatch::take_addresses(const std::string& host, const NameAnswer& answer) {
    Addresses addresses = answer.records.addresses;
    if (answer.status == Lookup::found && !answer.from_file) note_ttl(answer.records.ttl);
    if (answer.status != Lookup::found) note_failure(answer.status, host + ": " + answer.why);
    const bool unknown = answer.status != Lookup::found && answer.status != Lookup::not_found;
    if (const auto last = last_addresses_.find(host); (unknown || answer.only_v4) && last != last_addresses_.end()) {
        for (const SocketAddress& address : last->second)
            if (unknown || address.storage.ss_family == AF_INET6) addresses.push_back(address);
    }
    if (unknown || answer.only_v4) note_ttl(partial_ttl);
    keep(host, std::move(addresses));
}

void NameWatch::keep(const std::string& host, Addresses addresses) {
    std::sort(addresses.begin(), addresses.end(), comes_before);
    const auto equal = [](const auto& one, const auto& other) {
        return !comes_before(one, other) && !comes_before(other, one);
    };
    addresses.erase(std::unique(addresses.begin(), addresses.end(), equal), addresses.end());
    longest_ = std::max(longest_, addresses.size());
    if (addresses.size() > share_) {
        addresses.resize(share_);
        cut_ = true;
    }
    addresses.shrink_to_fit();
    addresses_[host] = std::move(addresses);
}

void NameWatch::note_ttl(std::uint32_t ttl) noexcept { ttl_ = std::min(ttl_, ttl); }

// A failure that says "there is nothing" never replaces one that says "could not be asked": the rest may exist.
void NameWatch::note_failure(Lookup status, const std::string& why) {
    if (status_ != Lookup::found && status_ != Lookup::not_found) return;
    status_ = status;
    why_ =
        "cannot resolve " + name_.text + ": " + (why.starts_with(name_.text + ": ") ? why.substr(name_.text.size() + 2) : why);
}

void NameWatch::end_round() {
    asking_ = false;
    for (const DnsService& service : services_) // targets without an answer
        if (const auto last = last_addresses_.find(service.target);
            last != last_addresses_.end() && !addresses_.contains(service.target))
            keep(service.target, last->second);
    std::vector<FoundServer> endpoints = this->endpoints();
    // A host that cannot be asked about keeps its addresses, but its name is then not resolved, and the watch reports that.
    const bool failed = endpoints.empty() || (!name_.service && status_ != Lookup::found);
    const std::uint32_t wait = failed ? pause_ : std::clamp(ttl_, shortest_ttl, longest_ttl);
    pause_ = failed ? std::min(2 * pause_, longest_pause) : 1;
    if (!failed) last_addresses_ = std::move(addresses_);
    if (!background_.at(*this, monotonic_now() + wait * second_)) return;
    if (failed) return report_failure();
    report_left_out(endpoints.size());
    report(std::move(endpoints));
}

std::vector<FoundServer> NameWatch::endpoints() {
    std::vector<FoundServer> endpoints;
    const auto add = [&](const std::string& host, std::uint16_t port, std::uint16_t priority, std::uint16_t weight) {
        const Addresses& addresses = addresses_[host];
        const std::size_t room = std::min(addresses.size(), most_endpoints - endpoints.size());
        cut_ |= room < addresses.size();
        for (std::size_t i = 0; i < room; ++i) endpoints.push_back({with_port(addresses[i], port), priority, weight});
    };
    if (name_.service)
        for (const DnsService& service : services_) add(service.target, service.port, service.priority, service.weight);
    else
        add(name_.text, name_.port, 0, 0);
    std::sort(endpoints.begin(), endpoints.end());
    endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
    return endpoints;
}

void NameWatch::report_left_out(std::size_t taken) {
    if (cut_ && !cut_reported_) {
        const std::string records = name_.service ? std::to_string(records_) + " records, and " : "";
        left_out("the answer has " + records + "up to " + std::to_string(longest_) +
                 " addresses of a name: " + std::to_string(taken) + " servers are taken (at most " +
                 std::to_string(most_endpoints) + " servers of " + std::to_string(most_targets) + " names, by priority)");
    }
    cut_reported_ = cut_;
}

void NameWatch::report(std::vector<FoundServer> endpoints) {
    failure_reported_ = false;
    if (reported_ == endpoints) return;
    found(endpoints); // without memory it throws, and the next round reports
    reported_ = std::move(endpoints);
}

void NameWatch::report_failure() {
    if (failure_reported_) return;
    lost(status_, why_);
    failure_reported_ = true;
    reported_.reset();
}

} // namespace gatehouse::host
