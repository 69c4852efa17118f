#include "dns/lookups.hpp"

#include "base/mutex.hpp"
#include "dns/async_resolver.hpp"

#include <deque>
#include <map>
#include <netinet/in.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds next_try = 10'000'000; // until there is room for more questions

void set_port(SocketAddress& address, std::uint16_t port) noexcept {
    if (address.storage.ss_family == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
    else
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
}

} // namespace

// Takes questions from any thread, and asks them on the background thread.
class Lookups::Desk final : public Activity {
  public:
    Desk(Background& background, Resolver& known, const std::vector<std::string>& resolvers)
        : background_(background), known_(known),
          resolver_(std::make_shared<AsyncResolver>(background, resolver_list(resolvers))) {}

    AsyncResolver& resolver() noexcept { return *resolver_; }

    bool find(const std::shared_ptr<Desk>& self, const Address& address, Answered answered) {
        const MutexLock lock(mutex_);
        started_ = started_ || (background_.add(resolver_, never) && background_.add(self, never));
        if (!started_) return false;
        Waiting& waiting = waiting_[to_string(address)];
        waiting.push_back(std::move(answered));
        if (waiting.size() > 1) return true; // the question is on its way
        to_ask_.push_back(address);
        return background_.at(*this, monotonic_now());
    }

  private:
    using Waiting = std::vector<Answered>;

    void due() noexcept override {
        try {
            while (resolver_->has_room(1)) {
                MutexLock lock(mutex_);
                if (to_ask_.empty()) return;
                const Address address = std::move(to_ask_.front());
                to_ask_.pop_front();
                lock.unlock();
                resolver_->find_to_connect(address.host, [this, address](const NameAnswer& answer) { take(address, answer); });
            }
            background_.at(*this, monotonic_now() + next_try);
        } catch (const std::bad_alloc&) { // as an answer that is lost: whoever has asked has a time limit
        }
    }
    void ready(int /*fd*/, std::uint32_t /*events*/) noexcept override {}

    void take(const Address& address, const NameAnswer& answer) {
        std::vector<SocketAddress> addresses = answer.records.addresses;
        if (addresses.size() > Resolver::most_addresses) addresses.resize(Resolver::most_addresses);
        for (SocketAddress& one : addresses) set_port(one, address.port);
        const std::string why = answer.why.empty() ? "" : "cannot resolve " + address.host + ": " + answer.why;
        if (answer.status == Lookup::found) known_.keep(address, addresses, answer.records.ttl);
        MutexLock lock(mutex_);
        const auto found = waiting_.find(to_string(address));
        if (found == waiting_.end()) return;
        const Waiting waiting = std::move(found->second);
        waiting_.erase(found);
        lock.unlock();
        for (const Answered& answered : waiting) answered(answer.status, why, addresses);
    }

    Background& background_; // constant after construction, as are the next two
    Resolver& known_;
    const std::shared_ptr<AsyncResolver> resolver_;

    Mutex mutex_;
    bool started_ GATEHOUSE_GUARDED_BY(mutex_) = false;                   // both have been added to the background thread
    std::map<std::string, Waiting> waiting_ GATEHOUSE_GUARDED_BY(mutex_); // by "host:port"
    std::deque<Address> to_ask_ GATEHOUSE_GUARDED_BY(mutex_);
};

Lookups::Lookups(Background& background, Resolver& known, const std::vector<std::string>& resolvers)
    : background_(background), desk_(std::make_shared<Desk>(background, known, resolvers)) {}

Lookups::~Lookups() {
    background_.remove(*desk_);
    background_.remove(desk_->resolver());
}

bool Lookups::find(const Address& address, Answered answered) noexcept {
    try {
        return desk_->find(desk_, address, std::move(answered));
    } catch (const std::bad_alloc&) {
        return false;
    }
}

} // namespace gatehouse::host
