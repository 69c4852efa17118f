// A listening socket and its life:
//
//    constructed                                   listen(), pause()   close()
//   ─────────▶ socket ──▶ [options] ──▶ bind ──▶ [mode, owner] ──▶ listen ──────▶ closed
//                 │                       │                          │ ▲
//                 └───────────┬───────────┘                  accept()│ │one connection, in order of arrival,
//                             ▼                                      ▼ │or an errno
//               ListenError: step, address, what to do              (accept queue: the waiting room)
//
// The host binds all sockets first and listens when everything else stands, so that a start that fails has taken no client. An
// inherited descriptor (socket activation, or from the host before this one), which listens already as a rule, enters after
// bind. Each step is logged at debug level.
#pragma once

#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "config/config.hpp"
#include "listen/accept_queue.hpp"
#include "net/address.hpp"
#include "net/overlap.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <memory>
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

// bind(2) for those who may not bind themselves: returns 0 or an errno.
using Bind = std::function<int(int socket, const SocketAddress& address)>;

class Listener {
  public:
    // Opens the socket and binds it, to any free port if only its address is to be tried; or takes over a copy of a descriptor
    // that is bound already. `bind`: for an address that this process may not bind; null: none. Throws ListenError. [main]
    enum class Port { of_config, any };
    Listener(const ListenerConfig& config, Log& log, Port port = Port::of_config, const Bind& bind = {});
    Listener(const ListenerConfig& config, int bound, Log& log);
    ~Listener(); // close()

    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // The kernel takes connections from here on. Again, it changes nothing. Throws ListenError. [main]
    void listen();
    bool listens() const noexcept; // listen() has succeeded, and pause() has not followed, of whichever process. [any]
    // The kernel refuses newcomers until listen(), and the address stays this socket's. But a unix socket could not listen
    // again, and an inherited one is its giver's as well: there newcomers wait in the accept queue. [main]
    void pause() noexcept;

    // The next connection, non-blocking and close-on-exec, and its address; or -1 and errno. [any]
    int accept(SocketAddress& peer) const noexcept;

    // How its accept queue is. Nothing for kinds of sockets that do not tell. [any]
    std::optional<AcceptQueue> queue() const noexcept { return accept_queue(socket_.get()); }

    // The address that it really listens on (with the port that was chosen for port 0). [any]
    const std::string& address() const noexcept { return address_; }
    std::uint16_t port() const noexcept { return port_; }     // 0 if it has none
    int descriptor() const noexcept { return socket_.get(); } // valid as long as this object is
    bool overlaps(const Listener& other) const noexcept { return overlaps(other.bound_, other.ipv6_only_); }
    bool overlaps(const SocketAddress& address, bool ipv6_only) const noexcept {
        return overlap(bound_, ipv6_only_, address, ipv6_only);
    }

    // Gives the socket the options, the file mode and the owner of another configuration with the same address. What the kernel
    // does not take is in the log. [main]
    void change(const ListenerConfig& config) noexcept;

    // Newcomers are refused by the kernel from now on; removes the file of a unix socket, if it is still its own. But a socket
    // that is shared with another process stays as it is, until it is not shared any more. [main]
    void close() noexcept;
    void discard() noexcept; // the same, but the file goes at once: no listener has this address any more. [main]
    void share(bool shared) noexcept;
    // Another process has the socket, and this one not any more; an accept() that is under way fails. [main]
    void let_go() noexcept;
    bool is_closed() const noexcept { return closed_.load(); } // [any]

  private:
    void open_tcp(Port port, const Bind& bind);
    void open_unix();
    void adopt(int fd);
    void set_options(int family);
    void set_file(const std::string& path);
    void bind_to(const SocketAddress& address, const Bind& bind);
    void ask_address();
    void remove_file() noexcept;
    void finish_close() noexcept;
    void step(std::string_view what) const;
    [[noreturn]] void fail(std::string_view step, int error) const;

    ListenerConfig config_; // [main]
    std::atomic<bool> listens_{false};
    Log& log_;
    Descriptor socket_; // constant after construction, as are all but the next two
    std::atomic<bool> closed_{false};
    std::atomic<bool> shared_{false};
    std::string address_;
    std::uint16_t port_ = 0;
    SocketAddress bound_;
    bool ipv6_only_ = false;
    struct stat file_{}; // of a unix socket, unless it is inherited
};

// Whether the path leads to a socket, and not by a symbolic link.
bool is_socket_file(const std::string& path) noexcept;

// What open_sockets() would say but for others that use the port or the path by now: it opens nothing that a client could
// connect to, and leaves no file behind. Throws ListenError. [main]
void try_address(const ListenerConfig& config, Log& log);

// The sockets of a listener: one, or each inherited one that its address means; never none. Two generations may share them.
using Sockets = std::list<Listener>;
std::shared_ptr<Sockets> open_sockets(const ListenerConfig& config, Log& log, const Bind& bind = {}); // throws ListenError

} // namespace gatehouse::host
