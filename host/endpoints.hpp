// What outlives the generations of a listener: what has a name, the Endpoint, and what has an address, its listening sockets. A
// reload finds both again. A listener that gets another name keeps its socket; one that moves to another address keeps its
// past.
#pragma once

#include "access/live_orders.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "config/config.hpp"
#include "listen/acceptor.hpp"
#include "listen/listener.hpp"
#include "serving/endpoint.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

class Endpoints {
  public:
    // `bind`: see Listener.
    Endpoints(Log& log, LiveOrders& orders, Bind bind = {}) noexcept : log_(log), orders_(orders), bind_(std::move(bind)) {}

    // Who makes a generation calls these two; one thread at a time does.
    // The one of that name; throws ListenError if there have been too many names.
    Endpoint& named(const ListenerConfig& config);
    // The sockets of each listener, in their order: those that are open at its address, or new ones, which are bound. Throws
    // ListenError with all problems.
    std::vector<std::shared_ptr<Sockets>> open(const std::vector<ListenerConfig>& configs);

    // Closes all sockets, and opens no more. [main]
    void close() noexcept;

    // --- an upgrade: a socket moves to another process without being closed
    // The open ones, by what socket_key() says of their listener. They are valid until a listener closes. Throws
    // std::bad_alloc. [main]
    std::vector<std::pair<std::string, int>> descriptors() const;
    // Sockets of the host before this one, which has them as well: open() takes those of its listeners, and closes the others.
    // Before it. [main]
    void adopt(std::map<std::string, std::vector<Descriptor>> sockets) noexcept { adopted_ = std::move(sockets); }
    // Whether another process has them as well: then closing one leaves it and its file as they are. [main]
    void share(bool shared) noexcept;
    // Those of these keys, from here on. [main]
    template <class Wanted>
    void share_if(Wanted wanted) noexcept {
        for_each_socket([&](const std::string& key, Listener& socket) {
            if (wanted(key)) socket.share(true);
        });
    }
    // Another process has them, and this one not any more. Nothing accepts by then. [main]
    void let_go() noexcept;

  private:
    template <class Visit>
    void for_each_socket(Visit visit) const {
        const MutexLock lock(mutex_);
        for (const auto& [key, weak] : by_address_)
            if (const std::shared_ptr<Sockets> open = weak.lock())
                for (Listener& socket : *open) visit(key, socket);
    }
    std::shared_ptr<Sockets> open(const ListenerConfig& config);
    void open_no_more() noexcept;
    std::string whose(const ListenerConfig& config);

    Log& log_;
    LiveOrders& orders_;
    const Bind bind_;
    SpareDescriptor spare_;
    std::map<std::string, std::unique_ptr<Endpoint>> by_name_;
    std::map<std::string, std::vector<Descriptor>> adopted_; // until the first open()
    mutable Mutex mutex_;
    std::map<std::string, std::weak_ptr<Sockets>> by_address_ GATEHOUSE_GUARDED_BY(mutex_);
    bool closed_ GATEHOUSE_GUARDED_BY(mutex_) = false;
};

} // namespace gatehouse::host
