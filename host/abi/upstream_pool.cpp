#include "abi/upstream_pool.hpp"

#include "abi/handles.hpp"
#include "base/mutex.hpp"
#include "threads/background.hpp"
#include "threads/drain.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <new>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace gatehouse::host;

namespace {

constexpr Nanoseconds sweep_interval = 1'000'000'000;

// Nobody has said anything, and nobody has ended. What has been read is lost: then it is closed.
bool is_idle(Upstream& server) noexcept {
    if (server.pending || server.broken || server.finished || server.read_end || server.reason || server.holds_output())
        return false;
    char byte = 0;
    ssize_t count = 0;
    do {
        count = server.receive(&byte, 1);
    } while (count < 0 && errno == EINTR);
    return count < 0 && errno == EAGAIN;
}

} // namespace

struct gatehouse_pool final : Activity, std::enable_shared_from_this<gatehouse_pool> {
    struct Limits {
        std::size_t most;
        std::size_t most_per_server;
        Nanoseconds idle;
        Nanoseconds lifetime;
    };

    gatehouse_pool(gatehouse_instance& of, const Limits& limits) : instance(of), limits_(limits) {}

    // The one of these that was kept last, which is not watched any more; null: there is none.
    std::unique_ptr<Upstream> take(std::string_view identity) noexcept {
        std::unique_ptr<Upstream> server;
        {
            const MutexLock lock(mutex_);
            const auto behind = idle_.upper_bound(identity);
            if (behind == idle_.begin() || std::prev(behind)->first != identity) return nullptr;
            server = extract(std::prev(behind));
        }
        instance.callbacks.unwatch(server->fd);
        return server;
    }

    gatehouse_status keep(std::unique_ptr<Upstream> server) noexcept {
        std::vector<std::unique_ptr<Upstream>> closed; // after the lock is let go
        const gatehouse_status status = keep(std::move(server), closed);
        for (const auto& one : closed) instance.callbacks.unwatch(one->fd);
        return status;
    }

    gatehouse_instance& instance; // constant after construction

  private:
    struct Idle {
        std::unique_ptr<Upstream> server;
        Nanoseconds until;
    };
    using Place = std::multimap<std::string, Idle, std::less<>>::iterator;

    // Closes those whose time is over, and all of them once the host drains.
    void due() noexcept override {
        const bool all = instance.facilities.drain.started();
        const Nanoseconds now = monotonic_now();
        for (;;) { // one at a time: to close one may take a while
            std::unique_ptr<Upstream> server;
            {
                const MutexLock lock(mutex_);
                const auto over = std::ranges::find_if(idle_, [&](const auto& one) { return all || one.second.until <= now; });
                if (over == idle_.end()) break;
                server = extract(over);
            }
            instance.callbacks.unwatch(server->fd);
        }
        instance.callbacks.at(*this, monotonic_now() + sweep_interval);
    }

    // A server has said something or closed, or TLS has something of its own.
    void ready(int fd, std::uint32_t /*events*/) noexcept override {
        std::unique_ptr<Upstream> server;
        {
            const MutexLock lock(mutex_);
            const auto found = by_socket_.find(fd);
            if (found == by_socket_.end() || is_idle(*found->second->second.server)) return;
            server = extract(found->second);
        }
        instance.callbacks.unwatch(fd);
    }

    gatehouse_status keep(std::unique_ptr<Upstream> server, std::vector<std::unique_ptr<Upstream>>& closed) noexcept {
        const int fd = server->fd;
        const Nanoseconds now = monotonic_now();
        const MutexLock lock(mutex_);
        try {
            if (!added_ && !instance.callbacks.add(shared_from_this(), now + sweep_interval)) return GATEHOUSE_EXHAUSTED;
            added_ = true;
            closed.reserve(3);
            make_room(server->origin->identity, closed);
            const Nanoseconds until = std::min(plus(now, limits_.idle), plus(server->origin->made, limits_.lifetime));
            const Place place = idle_.emplace(server->origin->identity, Idle{nullptr, until});
            try {
                by_socket_.emplace(fd, place);
            } catch (const std::bad_alloc&) {
                idle_.erase(place);
                throw;
            }
            place->second.server = std::move(server);
        } catch (const std::bad_alloc&) {
            return GATEHOUSE_EXHAUSTED;
        }
        if (instance.callbacks.watch(*this, fd, EPOLLIN | EPOLLRDHUP) == 0) return GATEHOUSE_OK;
        const auto place = by_socket_.find(fd);
        closed.push_back(extract(place->second)); // there is room for three
        return GATEHOUSE_EXHAUSTED;
    }

    std::unique_ptr<Upstream> extract(Place place) noexcept GATEHOUSE_REQUIRES(mutex_) {
        std::unique_ptr<Upstream> server = std::move(place->second.server);
        by_socket_.erase(server->fd);
        idle_.erase(place);
        return server;
    }

    void make_room(const std::string& identity, std::vector<std::unique_ptr<Upstream>>& closed) GATEHOUSE_REQUIRES(mutex_) {
        if (idle_.count(identity) >= limits_.most_per_server) closed.push_back(extract(idle_.lower_bound(identity)));
        if (idle_.size() < limits_.most) return;
        const auto first = std::ranges::min_element(idle_, {}, [](const auto& one) { return one.second.until; });
        closed.push_back(extract(first));
    }

    const Limits limits_; // constant after construction

    Mutex mutex_;                                     // taken before that of the thread of callbacks
    bool added_ GATEHOUSE_GUARDED_BY(mutex_) = false; // the thread knows it
    // By what they were made with; among those with the same, the one that was kept first stands first.
    std::multimap<std::string, Idle, std::less<>> idle_ GATEHOUSE_GUARDED_BY(mutex_);
    std::unordered_map<int, Place> by_socket_ GATEHOUSE_GUARDED_BY(mutex_);
};

namespace gatehouse::host {

bool is_of(const gatehouse_pool& pool, const Connection& client) noexcept {
    return pool.instance.plugin == client.plugin.load(std::memory_order_relaxed);
}

namespace {

// Each part with its length before it, so that no two lists of parts give the same text.
std::string identity_of(const gatehouse_connect_request& request) {
    std::string identity;
    for (const gatehouse_str& part : {request.address, request.source, request.server_name, request.key})
        identity.append(std::to_string(part.size)).append(":").append(view(part));
    return identity.append(std::to_string(reinterpret_cast<std::uintptr_t>(request.tls)));
}

gatehouse_status make(gatehouse_instance* instance, const gatehouse_pool_limits* given, gatehouse_pool** pool) noexcept {
    constexpr std::uint32_t most_ever = 4096;
    constexpr std::uint32_t most_by_default = 256;
    constexpr std::uint64_t idle_by_default = 60'000;
    constexpr std::uint64_t year = std::uint64_t{365} * 24 * 3600 * 1000;
    gatehouse_pool_limits asked{};
    std::memcpy(&asked, given, std::min<std::size_t>(given->size, sizeof asked));
    if (asked.most == 0) asked.most = most_by_default;
    if (asked.most_per_server == 0) asked.most_per_server = asked.most;
    if (asked.idle_milliseconds == 0) asked.idle_milliseconds = idle_by_default;
    if (asked.most > most_ever || asked.most_per_server > most_ever || asked.idle_milliseconds > year ||
        asked.lifetime_milliseconds > year || asked.reserved != 0) {
        host::refuse(*instance, "a pool has a limit that is out of range, or something in its reserved field");
        return GATEHOUSE_INVALID;
    }
    const auto span = [](std::uint64_t milliseconds) {
        return milliseconds == 0 ? never : after(0, std::chrono::milliseconds(milliseconds));
    };
    try {
        auto made = std::make_shared<gatehouse_pool>(*instance, gatehouse_pool::Limits{asked.most, asked.most_per_server,
                                                                                       span(asked.idle_milliseconds),
                                                                                       span(asked.lifetime_milliseconds)});
        gatehouse_pool* const handle = made.get();
        instance->kept.push_back(std::move(made));
        *pool = handle;
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

gatehouse_status take(gatehouse_conn* conn, const gatehouse_connect_request* given, gatehouse_conn** upstream) noexcept {
    if (client_of(conn) == nullptr || given == nullptr) return GATEHOUSE_INVALID;
    Connection& client = *client_of(conn);
    gatehouse_connect_request request{};
    std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
    if (request.pool == nullptr || !is_of(*request.pool, client)) return GATEHOUSE_INVALID;
    std::string identity;
    try {
        identity = identity_of(request);
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
    while (std::unique_ptr<Upstream> server = request.pool->take(identity)) {
        if (!is_idle(*server)) continue;
        server->pass_to(client);
        server->watch.begin(client.listener.load(std::memory_order_relaxed)->pool);
        server->attach(client.life.serving.upstreams);
        client.life.serving.no_upstream.reset();
        *upstream = server.release();
        return GATEHOUSE_OK;
    }
    return GATEHOUSE_NOT_FOUND;
}

gatehouse_status keep(gatehouse_conn* conn, gatehouse_conn* upstream) noexcept {
    const Connection* const client = client_of(conn);
    std::unique_ptr<Upstream> server(upstream_of(upstream));
    if (client == nullptr || !server) return GATEHOUSE_INVALID;
    server->detach();
    server->watch.remove(server->fd);
    if (client->drain().started()) return GATEHOUSE_STOPPING;
    if (!server->origin || !is_idle(*server)) return GATEHOUSE_INVALID;
    gatehouse_pool& pool = *server->origin->pool;
    return pool.keep(std::move(server));
}

} // namespace

std::unique_ptr<const Origin> origin_of(const gatehouse_connect_request& request) {
    return std::make_unique<const Origin>(Origin{request.pool, identity_of(request), monotonic_now()});
}

const gatehouse_pool_v1 pool_table{sizeof(gatehouse_pool_v1), 0, make, take, keep};

} // namespace gatehouse::host
