#include "endpoints.hpp"

#include "config/plan.hpp"
#include "listen/inherited.hpp"
#include "net/overlap.hpp"

#include <utility>

namespace gatehouse::host {
namespace {

// Which inherited sockets are whose has a message of its own.
bool both_inherited(const ListenerConfig& one, const ListenerConfig& two) noexcept {
    constexpr auto inherited = Address::Kind::inherited;
    return one.address.kind == inherited && two.address.kind == inherited;
}

// Before they listen, the kernel lets sockets of one process share a port. What the file says of numeric addresses has been
// checked: this is about names, and sockets that were inherited.
template <class Add>
void check_overlaps(const std::vector<ListenerConfig>& configs, const std::vector<std::shared_ptr<Sockets>>& opened, Add add) {
    std::vector<std::pair<const Listener*, const ListenerConfig*>> all;
    for (std::size_t i = 0; i < configs.size(); ++i) {
        if (!opened[i]) continue;
        for (const Listener& socket : *opened[i]) {
            for (const auto& [other, owner] : all)
                if (!both_inherited(*owner, configs[i]) && socket.overlaps(*other))
                    add("listener " + configs[i].name + ": " + socket.address() + " is taken by listener " + owner->name +
                        " of this file, at " + other->address() + "; choose another port (" + configs[i].where.text + ")");
            all.emplace_back(&socket, &configs[i]);
        }
    }
}

// Clients could not find a socket whose file has gone.
bool has_file(const ListenerConfig& config) noexcept {
    const Address& address = config.address;
    return address.kind != Address::Kind::unix_socket || address.path.starts_with('@') || is_socket_file(address.path);
}

} // namespace

Endpoint& Endpoints::named(const ListenerConfig& config) {
    if (const auto found = by_name_.find(config.name); found != by_name_.end()) return *found->second;
    if (by_name_.size() >= max_listeners)
        throw ListenError("listener " + config.name + ": this host has had " + std::to_string(max_listeners) +
                          " names of listeners by now; use a name again, or restart it (" + config.where.text + ")");
    auto endpoint =
        std::make_unique<Endpoint>(static_cast<std::uint32_t>(by_name_.size()), spare_, orders_.limits_of(config.name));
    return *by_name_.emplace(config.name, std::move(endpoint)).first->second;
}

// Opens sockets without the lock: names are looked up, and the main thread must not wait for that.
std::shared_ptr<Sockets> Endpoints::open(const ListenerConfig& config) {
    const std::string key = socket_key(config);
    {
        const MutexLock lock(mutex_);
        if (std::shared_ptr<Sockets> open = by_address_[key].lock(); open && !open->front().is_closed()) return open;
    }
    std::shared_ptr<Sockets> fresh;
    try {
        if (const auto adopted = adopted_.find(key); adopted != adopted_.end() && has_file(config)) {
            fresh = std::make_shared<Sockets>();
            for (const Descriptor& socket : adopted->second) fresh->emplace_back(config, socket.get(), log_).share(true);
            adopted_.erase(adopted);
        } else {
            fresh = open_sockets(config, log_, bind_);
        }
    } catch (const ListenError& error) {
        const std::string own = whose(config);
        if (own.empty()) throw;
        throw ListenError("listener " + config.name + ": " + to_string(config.address) + " overlaps with " + own +
                          ", where this host listens; the kernel gives it to no second socket, so this needs a restart (" +
                          config.where.text + ")");
    }
    const MutexLock lock(mutex_);
    if (closed_) throw ListenError("listener " + config.name + ": the host drains");
    by_address_[key] = fresh;
    return fresh;
}

// The address of an open socket that overlaps with this one; empty if there is none.
std::string Endpoints::whose(const ListenerConfig& config) {
    const auto numeric = numeric_address(config.address);
    if (!numeric) return "";
    const MutexLock lock(mutex_);
    for (const auto& [key, weak] : by_address_) {
        const std::shared_ptr<Sockets> open = weak.lock();
        if (!open) continue;
        for (const Listener& socket : *open)
            if (!socket.is_closed() && socket.overlaps(*numeric, config.ipv6_only)) return socket.address();
    }
    return "";
}

std::vector<std::shared_ptr<Sockets>> Endpoints::open(const std::vector<ListenerConfig>& configs) {
    std::string problems;
    const auto add = [&](const std::string& problem) { problems += (problems.empty() ? "" : "\n") + problem; };
    std::vector<std::shared_ptr<Sockets>> opened(configs.size());
    {
        const MutexLock lock(mutex_);
        std::erase_if(by_address_, [](const auto& entry) { return entry.second.expired(); });
    }
    for (std::size_t i = 0; i < configs.size(); ++i) {
        try {
            opened[i] = open(configs[i]);
        } catch (const ListenError& error) {
            add(error.what());
        }
    }
    adopted_.clear();
    check_overlaps(configs, opened, add);
    for (const std::string& problem : inherited_problems(inherited_sockets(), configs)) add(problem);
    if (!problems.empty()) throw ListenError(problems);
    return opened;
}

std::vector<std::pair<std::string, int>> Endpoints::descriptors() const {
    std::vector<std::pair<std::string, int>> all;
    for_each_socket([&](const std::string& key, const Listener& socket) {
        if (!socket.is_closed()) all.emplace_back(key, socket.descriptor());
    });
    return all;
}

void Endpoints::share(bool shared) noexcept {
    for_each_socket([&](const std::string& /*key*/, Listener& socket) { socket.share(shared); });
}

void Endpoints::open_no_more() noexcept {
    const MutexLock lock(mutex_);
    closed_ = true;
}

void Endpoints::let_go() noexcept {
    open_no_more();
    for_each_socket([](const std::string& /*key*/, Listener& socket) { socket.let_go(); });
}

void Endpoints::close() noexcept {
    open_no_more();
    for_each_socket([](const std::string& /*key*/, Listener& socket) { socket.close(); });
}

} // namespace gatehouse::host
