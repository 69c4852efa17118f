#include "connection/upstream.hpp"

#include <cstring>
#include <unistd.h>

namespace gatehouse::host {

Upstream::Upstream(const Drain& drain, const SocketAddress& peer, int socket)
    : Stream(drain), peer_(new std::byte[peer.size]), peer_size_(peer.size) {
    std::memcpy(peer_.get(), &peer.storage, peer.size);
    fd = socket;
}

Upstream::~Upstream() {
    say_goodbye();
    ::close(fd);
}

SocketAddress Upstream::peer_address() const noexcept {
    SocketAddress address;
    address.size = peer_size_;
    std::memcpy(&address.storage, peer_.get(), peer_size_);
    return address;
}

} // namespace gatehouse::host
