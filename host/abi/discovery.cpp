#include "abi/discovery.hpp"

#include "base/printable.hpp"
#include "dns/resolver.hpp"
#include "plugin/instance.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <set>
#include <tuple>

using namespace gatehouse::host;

namespace {

constexpr std::uint32_t shortest_ttl = 1; // seconds
constexpr std::uint32_t longest_ttl = 60;
constexpr std::uint32_t longest_pause = 30; // seconds, between failures
constexpr std::uint32_t partial_ttl = 5;    // seconds, if a part could not be resolved
constexpr Nanoseconds longest_round = 15'000'000'000;
constexpr Nanoseconds turn = 50'000'000;  // until there is room for more questions
constexpr std::size_t most_targets = 128; // of an SRV name
static_assert(most_targets <= Names::most_questions);

struct Name {
    bool service = false; // SRV
    std::string text;     // the host, or the SRV name
    std::uint16_t port = 0;
    std::string numeric; // the endpoint, if there is nobody to be asked
};

struct Endpoint {
    std::string address;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;

    auto operator<=>(const Endpoint&) const = default;
};

std::string with_port(SocketAddress address, std::uint16_t port) {
    if (address.storage.ss_family == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
    else
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
    return to_string(address);
}

} // namespace

// A watch goes round by round: it asks, for an SRV name then for each target, and when the last answer has come compares the
// endpoints with those of the round before. It runs on the background thread alone.
struct gatehouse_watch final : Activity, std::enable_shared_from_this<gatehouse_watch> {
    using Found = void (*)(void* data, const gatehouse_endpoint* endpoints, std::size_t count, gatehouse_status status,
                           gatehouse_str why) noexcept;

    gatehouse_watch(Discovery& discovery, std::shared_ptr<Names> names, Name name, Found found, void* data)
        : background_(discovery.background()), second_(discovery.second()), names_(std::move(names)), name_(std::move(name)),
          found_(found), data_(data) {}

    Background& background() const noexcept { return background_; }

  private:
    using Addresses = std::vector<SocketAddress>;

    void due() noexcept override;
    void ready(int /*fd*/, std::uint32_t /*events*/) noexcept override {}

    void begin_round();
    void ask_for_services();
    void ask_for_hosts(const std::set<std::string>& hosts);
    template <class Take>
    Names::Answered when_answered(const Take& take);
    void take_services(const NameAnswer& answer);
    void take_addresses(const std::string& host, const NameAnswer& answer);
    void note_ttl(std::uint32_t ttl) noexcept { ttl_ = std::min(ttl_, ttl); }
    void note_failure(gatehouse_status status, const std::string& why);
    void end_round();
    void report(std::vector<Endpoint> endpoints);
    void report_failure();

    Background& background_; // constant after construction, as are the next five
    const Nanoseconds second_;
    const std::shared_ptr<Names> names_;
    const Name name_;
    const Found found_;
    void* const data_;

    // This round.
    std::uint64_t round_ = 0; // its number: answers to the questions of an earlier one come too late
    bool asking_ = false;
    std::size_t unanswered_ = 0;
    std::uint32_t ttl_ = longest_ttl;
    std::vector<DnsService> services_;
    std::map<std::string, Addresses> addresses_; // by host
    gatehouse_status status_ = GATEHOUSE_OK;     // of what has failed
    std::string why_;

    // What is known.
    std::map<std::string, Addresses> last_addresses_; // of the round before
    std::optional<std::vector<Endpoint>> reported_;   // nothing: a failure, or not yet
    bool failure_reported_ = false;
    std::uint32_t pause_ = 1; // seconds, until the next try after a failure
};

void gatehouse_watch::due() noexcept {
    try {
        if (!name_.numeric.empty()) return report({{name_.numeric}});
        if (!asking_) return begin_round();
        if (unanswered_ > 0) note_failure(GATEHOUSE_TIMEOUT, "no answer in time");
        end_round();
    } catch (const std::bad_alloc&) {
        asking_ = false;
        background_.at(*this, monotonic_now() + second_);
    }
}

void gatehouse_watch::begin_round() {
    if (!names_->has_room(name_.service ? most_targets : 1)) {
        background_.at(*this, monotonic_now() + turn);
        return;
    }
    ++round_;
    asking_ = true;
    unanswered_ = 0;
    ttl_ = longest_ttl;
    services_.clear();
    addresses_.clear();
    status_ = GATEHOUSE_OK;
    background_.at(*this, monotonic_now() + longest_round);
    if (name_.service)
        ask_for_services();
    else
        ask_for_hosts({name_.text});
}

// Answers come while the Names run, not this: it must live, be in the same round, and goes on in a call of its own.
template <class Take>
Names::Answered gatehouse_watch::when_answered(const Take& take) {
    ++unanswered_;
    return [weak = weak_from_this(), round = round_, take](const NameAnswer& answer) {
        const std::shared_ptr<gatehouse_watch> watch = weak.lock();
        if (!watch || !watch->asking_ || watch->round_ != round) return;
        take(*watch, answer);
        if (--watch->unanswered_ == 0) watch->background_.at(*watch, monotonic_now());
    };
}

void gatehouse_watch::ask_for_services() {
    names_->find_services(name_.text,
                          when_answered([](gatehouse_watch& watch, const NameAnswer& answer) { watch.take_services(answer); }));
}

void gatehouse_watch::ask_for_hosts(const std::set<std::string>& hosts) {
    for (const std::string& host : hosts)
        names_->find_addresses(host, when_answered([host](gatehouse_watch& watch, const NameAnswer& answer) {
                                   watch.take_addresses(host, answer);
                               }));
}

void gatehouse_watch::take_services(const NameAnswer& answer) {
    if (answer.status != GATEHOUSE_OK) return note_failure(answer.status, answer.why);
    note_ttl(answer.records.ttl);
    std::set<std::string> targets;
    for (const DnsService& service : answer.records.services) {
        if (service.target.empty() || service.port == 0) continue; // "not available at this domain", RFC 2782
        if (targets.size() < most_targets) targets.insert(service.target);
        if (targets.contains(service.target)) services_.push_back(service);
    }
    if (targets.empty()) return note_failure(GATEHOUSE_NOT_FOUND, "the service is not available");
    ask_for_hosts(targets);
}

void gatehouse_watch::take_addresses(const std::string& host, const NameAnswer& answer) {
    Addresses addresses = answer.records.addresses;
    if (answer.status == GATEHOUSE_OK && !answer.from_file) note_ttl(answer.records.ttl);
    if (answer.status != GATEHOUSE_OK) note_failure(answer.status, host + ": " + answer.why);
    const bool unknown = answer.status != GATEHOUSE_OK && answer.status != GATEHOUSE_NOT_FOUND;
    if (const auto last = last_addresses_.find(host); (unknown || answer.only_v4) && last != last_addresses_.end()) {
        for (const SocketAddress& address : last->second)
            if (unknown || address.storage.ss_family == AF_INET6) addresses.push_back(address);
    }
    if (unknown || answer.only_v4) note_ttl(partial_ttl);
    addresses_[host] = std::move(addresses);
}

// As long as a part could not be asked for, nobody knows that there is nothing.
void gatehouse_watch::note_failure(gatehouse_status status, const std::string& why) {
    if (status_ != GATEHOUSE_OK && status_ != GATEHOUSE_NOT_FOUND) return;
    status_ = status;
    why_ =
        "cannot resolve " + name_.text + ": " + (why.starts_with(name_.text + ": ") ? why.substr(name_.text.size() + 2) : why);
}

void gatehouse_watch::end_round() {
    asking_ = false;
    for (const DnsService& service : services_) // those that have not been answered
        if (const auto last = last_addresses_.find(service.target); last != last_addresses_.end()) addresses_.insert(*last);
    std::vector<Endpoint> endpoints;
    const auto add = [&](const std::string& host, std::uint16_t port, std::uint16_t priority, std::uint16_t weight) {
        for (const SocketAddress& address : addresses_[host]) endpoints.push_back({with_port(address, port), priority, weight});
    };
    if (name_.service)
        for (const DnsService& service : services_) add(service.target, service.port, service.priority, service.weight);
    else
        add(name_.text, name_.port, 0, 0);
    std::sort(endpoints.begin(), endpoints.end());
    endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
    // A host that cannot be asked for keeps its addresses; but then the name as a whole is not resolved, and that is said.
    const bool failed = endpoints.empty() || (!name_.service && status_ != GATEHOUSE_OK);
    const std::uint32_t wait = failed ? pause_ : std::clamp(ttl_, shortest_ttl, longest_ttl);
    pause_ = failed ? std::min(2 * pause_, longest_pause) : 1;
    if (!failed) last_addresses_ = std::move(addresses_);
    if (!background_.at(*this, monotonic_now() + wait * second_)) return;
    failed ? report_failure() : report(std::move(endpoints));
}

void gatehouse_watch::report(std::vector<Endpoint> endpoints) {
    failure_reported_ = false;
    if (reported_ == endpoints) return;
    reported_ = std::move(endpoints);
    std::vector<gatehouse_endpoint> list;
    for (const Endpoint& endpoint : *reported_)
        list.push_back({{endpoint.address.data(), endpoint.address.size()}, endpoint.priority, endpoint.weight, 0});
    found_(data_, list.data(), list.size(), GATEHOUSE_OK, {"", 0});
}

void gatehouse_watch::report_failure() {
    if (std::exchange(failure_reported_, true)) return;
    reported_.reset();
    found_(data_, nullptr, 0, status_, {why_.data(), why_.size()});
}

// --- the table -----------------------------------------------------------------------------------------------------------

namespace gatehouse::host {

Discovery::Discovery(Background& background, const std::vector<std::string>& resolvers, Nanoseconds second)
    : background_(background), second_(second), names_(std::make_shared<Names>(background, resolver_list(resolvers))) {}

Discovery::~Discovery() { background_.remove(*names_); }

std::shared_ptr<Names> Discovery::names() noexcept {
    const MutexLock lock(mutex_);
    if (!started_) started_ = background_.add(names_, never);
    return started_ ? names_ : nullptr;
}

namespace {

// Nothing, and what is wrong, if it is no name to watch.
std::optional<Name> parse_name(const std::string& text, std::string& error) {
    constexpr std::string_view prefix = "srv:";
    const bool service = text.starts_with(prefix);
    // An SRV name has no port; with one it is checked like a host's.
    const std::optional<Address> address = parse_address(service ? text.substr(prefix.size()) + ":1" : text, error);
    if (!address) return std::nullopt;
    const bool somewhere =
        address->kind == Address::Kind::tcp && address->port != 0 && !address->host.empty() && address->host != "*";
    const std::optional<SocketAddress> numeric = somewhere ? numeric_address(*address) : std::nullopt;
    if (somewhere && !service) return Name{false, address->host, address->port, numeric ? to_string(*numeric) : ""};
    if (somewhere && !numeric && address->host.find('.') != std::string::npos) return Name{true, address->host, 0, ""};
    error = in_quotes(text) + R"( is no name to watch (expected "host:port" or "srv:_service._tcp.domain"))";
    return std::nullopt;
}

gatehouse_status watch(gatehouse_instance* instance, gatehouse_str name, gatehouse_watch::Found found, void* data,
                       gatehouse_watch** watch) noexcept {
    try {
        const std::string text(name.data, name.size);
        std::string error;
        std::optional<Name> parsed = parse_name(text, error);
        if (!parsed) {
            refuse(*instance, "watch of " + printable(text) + ": " + error);
            return GATEHOUSE_INVALID;
        }
        Discovery& discovery = instance->discovery;
        if (std::shared_ptr<Names> names = discovery.names()) {
            auto made = std::make_shared<gatehouse_watch>(discovery, std::move(names), std::move(*parsed), found, data);
            gatehouse_watch* handle = made.get();
            if (discovery.background().add(std::move(made), monotonic_now())) {
                *watch = handle;
                return GATEHOUSE_OK;
            }
        }
        refuse(*instance, "watch of " + printable(text) + ": no memory or thread for it, or too many of them");
    } catch (const std::bad_alloc&) { // is said by the status alone
    }
    return GATEHOUSE_EXHAUSTED;
}

void unwatch(gatehouse_watch* watch) noexcept { watch->background().remove(*watch); }

} // namespace

const gatehouse_discovery_v1 discovery_table{watch, unwatch};

} // namespace gatehouse::host
