// A listening socket and its life:
//
//      open()                                                           close()
//   ─────────▶ socket ──▶ [options] ──▶ bind ──▶ [mode, owner] ──▶ listen ──────▶ closed
//                 │                       │                          │ ▲
//                 └───────────┬───────────┘                  accept()│ │one connection, in order of arrival,
//                             ▼                                      ▼ │or an errno
//               ListenError: step, address, what to do              (accept queue: the waiting room)
//
// An inherited descriptor (socket activation) enters at listen. Each step is logged at debug level.
#pragma once

#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "config/config.hpp"
#include "listen/accept_queue.hpp"
#include "net/address.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <sys/stat.h>

namespace gatehouse::host {

// One line: the listener, the address, what failed, and what to do about it.
class ListenError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Listener {
  public:
    // Opens the socket; returns with it listening. Throws ListenError. [main]
    Listener(const ListenerConfig& config, Log& log);
    ~Listener(); // close()

    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // The next connection, non-blocking and close-on-exec, and its address; or -1 and errno. [any]
    int accept(SocketAddress& peer) const noexcept;

    // How its accept queue is. Nothing for kinds of sockets that do not tell. [any]
    std::optional<AcceptQueue> queue() const noexcept { return accept_queue(socket_.get()); }

    // The address that it really listens on (with the port that was chosen for port 0). [any]
    const std::string& address() const noexcept { return address_; }
    std::uint16_t port() const noexcept { return port_; }     // 0 if it has none
    int descriptor() const noexcept { return socket_.get(); } // valid as long as this object is

    // Newcomers are refused by the kernel from now on; removes the file of a unix socket, if it is still its own. [main]
    void close() noexcept;

  private:
    void open_tcp();
    void open_unix();
    void adopt();
    void set_options(int family);
    void bind_to(const SocketAddress& address);
    void listen();
    void step(std::string_view what) const;
    [[noreturn]] void fail(std::string_view step, int error) const;

    const ListenerConfig config_; // constant after construction
    Log& log_;
    Descriptor socket_;
    bool closed_ = false; // [main]
    std::string address_;
    std::uint16_t port_ = 0;
    struct stat file_{}; // of a unix socket that this process has bound
};

} // namespace gatehouse::host
