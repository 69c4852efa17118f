#include "dns/resolver.hpp"

#include "base/ascii.hpp"
#include "base/if_memory_allows.hpp"
#include "threads/wait.hpp"

#include <algorithm>
#include <ares.h>
#include <array>
#include <cstring>
#include <span>
#include <stdexcept>

namespace gatehouse::host {
namespace {

constexpr unsigned shortest_kept = 1; // seconds
constexpr unsigned longest_kept = 60;

struct Query {
    bool done = false;
    int status = ARES_SUCCESS;
    unsigned ttl = longest_kept;
    std::vector<SocketAddress> addresses;
};

void answered(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
    auto& query = *static_cast<Query*>(argument);
    query.done = true;
    query.status = status;
    if (info == nullptr) return;
    const bool kept = if_memory_allows([&] { // c-ares has called this, and knows no exceptions
        for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
            SocketAddress address;
            address.size = node->ai_addrlen;
            std::memcpy(&address.storage, node->ai_addr, node->ai_addrlen);
            query.addresses.push_back(address);
            query.ttl = std::min(query.ttl, std::max(static_cast<unsigned>(std::max(node->ai_ttl, 0)), shortest_kept));
        }
    });
    if (!kept) query.status = ARES_ENOMEM;
    ares_freeaddrinfo(info);
}

// Drives one query on a channel of its own until it is answered, or the deadline or the drain's has passed.
void run(ares_channel channel, Query& query, Nanoseconds deadline, const Drain& drain) {
    while (!query.done) {
        const Nanoseconds now = monotonic_now();
        if (now >= std::min(deadline, end_of_waits(drain))) return ares_cancel(channel);
        std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
        const auto bits = static_cast<unsigned>(ares_getsock(channel, sockets.data(), static_cast<int>(sockets.size())));
        std::array<pollfd, ARES_GETSOCK_MAXNUM> waiting{};
        std::size_t count = 0;
        for (unsigned i = 0; i < sockets.size(); ++i) {
            const bool read = ARES_GETSOCK_READABLE(bits, i) != 0;
            const bool write = ARES_GETSOCK_WRITABLE(bits, i) != 0;
            if (read || write)
                waiting[count++] = {sockets[i], static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0};
        }
        timeval next{}; // when c-ares wants to ask again; 0 without questions
        const timeval* const asks = ares_timeout(channel, nullptr, &next);
        const Nanoseconds pause = asks != nullptr ? asks->tv_sec * 1'000'000'000 + asks->tv_usec * 1'000 + 1'000'000 : never;
        const std::span items = std::span(waiting).first(count);
        const Waited waited = wait(items, std::min(deadline, plus(now, pause)), drain, OnDrain::go_on);
        if (waited == Waited::failed) return ares_cancel(channel);
        if (waited != Waited::ready) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        for (const pollfd& item : items)
            if (item.revents != 0)
                ares_process_fd(channel, (item.revents & ~POLLOUT) != 0 ? item.fd : ARES_SOCKET_BAD,
                                (item.revents & POLLOUT) != 0 ? item.fd : ARES_SOCKET_BAD);
    }
}

} // namespace

std::string resolver_list(const std::vector<std::string>& resolvers) {
    std::string list;
    for (const std::string& resolver : resolvers) list += (list.empty() ? "" : ",") + resolver;
    return list;
}

Resolver::Resolver(const std::vector<std::string>& resolvers) : resolvers_(resolver_list(resolvers)) {
    if (const int status = ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS)
        throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
}

Resolver::~Resolver() { ares_library_cleanup(); }

namespace {

// A dot at its end stays: it keeps the search list out.
std::string key_of(const Address& address) { return ascii_lower(to_string(address)); }

} // namespace

std::vector<SocketAddress> Resolver::known(const Address& address) {
    const std::string name = key_of(address);
    const MutexLock lock(mutex_);
    const auto known = answers_.find(name);
    return known != answers_.end() && known->second.expires > coarse_now() ? known->second.addresses
                                                                           : std::vector<SocketAddress>();
}

void Resolver::keep(const Address& address, std::vector<SocketAddress> addresses, std::uint32_t ttl) {
    const Nanoseconds seconds = std::clamp(ttl, shortest_kept, longest_kept);
    const std::string name = key_of(address);
    const MutexLock lock(mutex_);
    if (answers_.size() >= most_answers) answers_.clear();
    answers_[name] = {std::move(addresses), coarse_now() + seconds * 1'000'000'000};
}

Lookup Resolver::resolve(const Address& address, Nanoseconds deadline, const Drain& drain, std::vector<SocketAddress>& result,
                         std::string& why) {
    if (const auto numeric = numeric_address(address)) {
        result = {*numeric};
        return Lookup::found;
    }
    if (address.kind != Address::Kind::tcp || address.host.empty()) {
        why = "not an address to connect to";
        return Lookup::invalid;
    }
    if (result = known(address); !result.empty()) return Lookup::found;
    ares_channel channel{};
    int status = ares_init(&channel);
    if (status == ARES_SUCCESS && !resolvers_.empty()) {
        status = ares_set_servers_ports_csv(channel, resolvers_.c_str());
        if (status != ARES_SUCCESS) ares_destroy(channel);
    }
    if (status != ARES_SUCCESS) {
        why = std::string("cannot resolve: ") + ares_strerror(status);
        return Lookup::failed;
    }
    Query query;
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NUMERICSERV;
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    const std::string port = std::to_string(address.port);
    ares_getaddrinfo(channel, address.host.c_str(), port.c_str(), &hints, answered, &query);
    run(channel, query, deadline, drain);
    ares_destroy(channel);

    if (query.status == ARES_SUCCESS && !query.addresses.empty()) {
        if (const std::size_t all = query.addresses.size(); all > most_addresses) {
            why = std::to_string(all) + " addresses, of which the host takes " + std::to_string(most_addresses);
            query.addresses.resize(most_addresses);
            query.addresses.shrink_to_fit();
        }
        result = query.addresses;
        keep(address, std::move(query.addresses), query.ttl);
        return Lookup::found;
    }
    why = std::string("cannot resolve ") + address.host + ": " +
          (query.status == ARES_ECANCELLED ? "no answer in time" : ares_strerror(query.status));
    switch (query.status) {
    case ARES_ECANCELLED:
    case ARES_ETIMEOUT:
        return Lookup::timeout;
    case ARES_SUCCESS:
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        return Lookup::not_found;
    default:
        return Lookup::failed;
    }
}

} // namespace gatehouse::host
