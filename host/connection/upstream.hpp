// An outbound connection that a plugin has made.
#pragma once

#include "connection/stream.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <sys/socket.h>

namespace gatehouse::host {

class Upstream : public Stream {
  public:
    // On a connected, non-blocking socket, which it closes at its end. Throws std::bad_alloc, and then the socket stays the
    // caller's.
    Upstream(const Drain& drain, const SocketAddress& peer, int socket);
    ~Upstream(); // says goodbye and closes

    SocketAddress peer_address() const noexcept;

    std::unique_ptr<std::string[]> facts; // peer and local, made when a plugin asks

  private:
    std::unique_ptr<std::byte[]> peer_; // no longer than its family needs: there is one for each relayed connection
    socklen_t peer_size_;
};

} // namespace gatehouse::host
