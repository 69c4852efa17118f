// An outbound connection that a plugin has made, and what is left of it when it is relayed.
#pragma once

#include "connection/attempt.hpp"
#include "connection/facts.hpp"
#include "connection/peer.hpp"
#include "connection/stream.hpp"
#include "net/address.hpp"

#include <array>
#include <cstddef>
#include <gatehouse/ext/pool.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <variant>

namespace gatehouse::host {

// An address that takes no more room than its family needs.
class ServerAddress {
  public:
    ServerAddress() = default;                            // nowhere
    explicit ServerAddress(const SocketAddress& address); // throws std::bad_alloc
    SocketAddress get() const noexcept;

  private:
    using Ipv4 = std::array<std::byte, sizeof(sockaddr_in)>;
    std::variant<Ipv4, std::unique_ptr<const Peer>, std::unique_ptr<const SocketAddress>> address_; // IPv6; unix sockets
};

// Where a connection may be kept for another client, and what it was made with.
struct Origin {
    gatehouse_pool* pool = nullptr;
    std::string identity; // who asks for the same may have it
    Nanoseconds made = 0;
};

class Upstream : public Stream {
  public:
    // One that is still to be connected; throws std::bad_alloc.
    Upstream(const Drain& drain, AttemptPlan plan);
    // On a connected, non-blocking socket, which it closes at its end. Throws std::bad_alloc, and then the socket stays the
    // caller's.
    Upstream(const Drain& drain, const SocketAddress& peer, int socket);
    ~Upstream(); // leaves its list, says goodbye and closes
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    SocketAddress peer_address() const noexcept { return address_.get(); }

    // Goes on with its attempt; true: it is over. [owner]
    bool step(Nanoseconds now) noexcept;
    // To connect it, or to begin TLS; null: the plugin knows what has come of it.
    std::unique_ptr<Attempt> attempt;
    // What the attempt has come to is so. Throws std::bad_alloc.
    void stands() {
        address_ = ServerAddress(attempt->address());
        attempt.reset();
        pending = false;
    }

    // Those that a client's plugin has made, and neither closed nor relayed, are in a list of that client's. [owner]
    void attach(Upstream*& list) noexcept;
    void detach() noexcept;
    Upstream* next() const noexcept { return next_; }

    std::unique_ptr<Facts> facts;         // made when a plugin asks
    std::unique_ptr<const Origin> origin; // null: it cannot be kept

  private:
    friend class RelayedServer;
    ServerAddress address_;
    Upstream* next_ = nullptr;
    Upstream** link_ = nullptr; // what points to it; null: it is in no list
};

// No plugin has it any more, and nothing waits for it. There is one for each relayed connection, so it is small.
class RelayedServer : public Channel {
  public:
    explicit RelayedServer(Upstream& upstream) noexcept; // takes all that it keeps, the socket too
    ~RelayedServer();                                    // says goodbye and closes

    SocketAddress address() const noexcept { return address_.get(); }

  private:
    ServerAddress address_;
};

} // namespace gatehouse::host
