#include "dns/lookups.hpp"

#include "base/mutex.hpp"
#include "dns/async_resolver.hpp"

#include <deque>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds next_try = 10'000'000;         // until there is room for more questions
constexpr Nanoseconds longest_wait = 30'000'000'000; // an answer for which there was no memory is lost: then it is asked anew

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
        const std::string name = to_string(address);
        const Nanoseconds now = monotonic_now();
        const MutexLock lock(mutex_);
        started_ = started_ || (background_.add(resolver_, never) && background_.add(self, never));
        if (!started_) return false;
        Waiting& waiting = waiting_[name];
        waiting.answered.push_back(std::move(answered));
        if (waiting.answered.size() > 1 && now - waiting.asked < longest_wait) return true; // the question is on its way
        waiting.asked = now;
        to_ask_.push_back({name, address});
        return background_.at(*this, now);
    }

  private:
    struct Question {
        std::string name; // "host:port"
        Address address;
    };
    struct Waiting {
        std::vector<Answered> answered;
        Nanoseconds asked = 0;
    };

    void due() noexcept override {
        while (const std::optional<Question> question = next()) {
            try {
                resolver_->find_to_connect(question->address.host,
                                           [this, question = *question](const NameAnswer& answer) { take(question, answer); });
            } catch (const std::bad_alloc&) {
                NameAnswer none;
                none.status = Lookup::failed;
                take(*question, none);
            }
        }
    }
    void ready(int /*fd*/, std::uint32_t /*events*/) noexcept override {}

    // Nothing: there is none, or no room for it now.
    std::optional<Question> next() noexcept {
        const MutexLock lock(mutex_);
        if (to_ask_.empty()) return std::nullopt;
        if (!resolver_->has_room(1)) {
            background_.at(*this, monotonic_now() + next_try);
            return std::nullopt;
        }
        Question question = std::move(to_ask_.front());
        to_ask_.pop_front();
        return question;
    }

    void take(const Question& question, const NameAnswer& answer) noexcept {
        std::vector<Answered> waiting;
        {
            const MutexLock lock(mutex_);
            const auto found = waiting_.find(question.name);
            if (found == waiting_.end()) return;
            waiting = std::move(found->second.answered);
            waiting_.erase(found);
        }
        Lookup status = answer.status;
        std::vector<SocketAddress> addresses;
        std::string why;
        try {
            addresses = answer.records.addresses;
            if (addresses.size() > Resolver::most_addresses) addresses.resize(Resolver::most_addresses);
            for (SocketAddress& one : addresses) set_port(one, question.address.port);
            if (status != Lookup::found) why = "cannot resolve " + question.address.host + ": " + answer.why;
            if (status == Lookup::found) known_.keep(question.address, addresses, answer.records.ttl);
        } catch (const std::bad_alloc&) {
            status = Lookup::failed;
            addresses.clear();
        }
        for (const Answered& answered : waiting) answered(status, why, addresses);
    }

    Background& background_; // constant after construction, as are the next two
    Resolver& known_;
    const std::shared_ptr<AsyncResolver> resolver_;

    Mutex mutex_;
    bool started_ GATEHOUSE_GUARDED_BY(mutex_) = false;                   // both have been added to the background thread
    std::map<std::string, Waiting> waiting_ GATEHOUSE_GUARDED_BY(mutex_); // by "host:port"
    std::deque<Question> to_ask_ GATEHOUSE_GUARDED_BY(mutex_);
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
