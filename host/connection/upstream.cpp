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

ServerAddress::ServerAddress(const SocketAddress& address) : bytes_(new std::byte[address.size]), size_(address.size) {
    std::memcpy(bytes_.get(), &address.storage, size_);
}

SocketAddress ServerAddress::get() const noexcept {
    SocketAddress address;
    address.size = size_;
    std::memcpy(&address.storage, bytes_.get(), size_);
    return address;
}

Upstream::Upstream(const Drain& drain, const SocketAddress& peer, int socket) : Stream(drain), address_(peer) { fd = socket; }

Upstream::~Upstream() { leave(*this); }

RelayedServer::RelayedServer(Upstream& upstream) noexcept
    : Channel(static_cast<Channel&&>(upstream)), address_(std::move(upstream.address_)) {
    upstream.fd = -1;
}

RelayedServer::~RelayedServer() { leave(*this); }

} // namespace gatehouse::host
