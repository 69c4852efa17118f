#include "connection/upstream.hpp"

#include <cstring>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

void leave(Channel& server) noexcept {
    if (server.fd < 0) return; // it has become another one's
    server.say_goodbye();
    ::close(server.fd);
}

} // namespace

ServerAddress::ServerAddress(const SocketAddress& address) {
    if (address.storage.ss_family == AF_INET)
        std::memcpy(std::get<Ipv4>(address_).data(), &address.storage, sizeof(sockaddr_in));
    else if (address.storage.ss_family == AF_INET6)
        address_ = std::make_unique<const Peer>(address);
    else
        address_ = std::make_unique<const SocketAddress>(address);
}

SocketAddress ServerAddress::get() const noexcept {
    SocketAddress address;
    if (const Ipv4* const ipv4 = std::get_if<Ipv4>(&address_)) {
        address.size = sizeof(sockaddr_in);
        std::memcpy(&address.storage, ipv4->data(), sizeof(sockaddr_in));
    } else if (const auto* const ipv6 = std::get_if<std::unique_ptr<const Peer>>(&address_)) {
        address = (*ipv6)->address();
    } else if (const auto* const other = std::get_if<std::unique_ptr<const SocketAddress>>(&address_)) {
        address = **other;
    }
    return address;
}

Upstream::Upstream(const Drain& drain, const SocketAddress& peer, int socket) : Stream(drain), address_(peer) { fd = socket; }

Upstream::Upstream(const Drain& drain, AttemptPlan plan) : Stream(drain), attempt(std::make_unique<Attempt>(std::move(plan))) {
    pending = true;
}

bool Upstream::step(Nanoseconds now) noexcept {
    if (attempt->over()) return true;
    const std::size_t tried = attempt->tried();
    const bool is_over = attempt->step(*this, now);
    if (attempt->tried() != tried) watch.lost();
    return is_over;
}

Upstream::~Upstream() {
    detach();
    leave(*this);
}

void Upstream::attach(Upstream*& list) noexcept {
    next_ = list;
    if (next_ != nullptr) next_->link_ = &next_;
    list = this;
    link_ = &list;
}

void Upstream::detach() noexcept {
    if (link_ == nullptr) return;
    *link_ = next_;
    if (next_ != nullptr) next_->link_ = link_;
    link_ = nullptr;
    next_ = nullptr;
}

RelayedServer::RelayedServer(Upstream& upstream) noexcept
    : Channel(static_cast<Channel&&>(upstream)), address_(std::move(upstream.address_)) {
    upstream.fd = -1;
}

RelayedServer::~RelayedServer() { leave(*this); }

} // namespace gatehouse::host
