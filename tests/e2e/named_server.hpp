// A server that greets with its name and sends back what it receives; it can go away and come back on the same address.
#pragma once

#include "clients.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::support {

class NamedServer {
  public:
    // Throws if the address is taken.
    explicit NamedServer(std::string name, const std::string& address = "127.0.0.1:0");
    ~NamedServer() { stop(); }
    NamedServer(const NamedServer&) = delete;
    NamedServer& operator=(const NamedServer&) = delete;

    const std::string& address() const noexcept { return place_.address(); } // its own across stop() and start()

    void start();
    // Nobody listens any more, and every connection is reset.
    void stop();

  private:
    void run();

    const std::string name_; // constant after construction
    const ReservedAddress place_;
    std::unique_ptr<Server> server_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

} // namespace gatehouse::support
