// What outlives the generations of a listener: what has a name, the Endpoint, and what has an address, its listening sockets. A
// reload finds both again. A listener that gets another name keeps its socket; one that moves to another address keeps its
// past.
#pragma once

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "config/config.hpp"
#include "listen/acceptor.hpp"
#include "listen/listener.hpp"
#include "serving/endpoint.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

class Endpoints {
  public:
    explicit Endpoints(Log& log) noexcept : log_(log) {}

    // Who makes a generation calls these two; one thread at a time does.
    // The one of that name; throws ListenError if there have been too many names.
    Endpoint& named(const ListenerConfig& config);
    // The sockets of each listener, in their order: those that are open at its address, or new ones, which are bound. Throws
    // ListenError with all problems.
    std::vector<std::shared_ptr<Sockets>> open(const std::vector<ListenerConfig>& configs);

    // Closes all sockets, and opens no more. [main]
    void close() noexcept;

  private:
    std::shared_ptr<Sockets> open(const ListenerConfig& config);
    std::string whose(const ListenerConfig& config);

    Log& log_;
    SpareDescriptor spare_;
    std::map<std::string, std::unique_ptr<Endpoint>> by_name_;
    Mutex mutex_;
    std::map<std::string, std::weak_ptr<Sockets>> by_address_ GATEHOUSE_GUARDED_BY(mutex_);
    bool closed_ GATEHOUSE_GUARDED_BY(mutex_) = false;
};

} // namespace gatehouse::host
