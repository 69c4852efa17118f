// The keeper: a process that the host starts before it gives anything up, and that still has what the host gives up then. It
// does two things: it starts the program that the host was started from, as it lies on disk by then, with the host's arguments;
// and it binds a socket of the host's to an address of the configuration, as that lies on disk by then. It has no threads and
// one socket, through which the host asks; it ends when the host does.
#pragma once

#include "base/descriptor.hpp"
#include "net/address.hpp"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gatehouse::host {

class Keeper {
  public:
    // The numeric TCP addresses of the configuration, as to_string() has them; it may throw. [keeper]
    using Addresses = std::function<std::vector<std::string>()>;

    // Begins it, before any thread is started. `arguments`: of the host, without the program's name. `known`: what addresses()
    // gives now. Throws std::system_error. [main]
    Keeper(std::vector<std::string> arguments, const std::vector<std::string>& known, const Addresses& addresses);
    ~Keeper(); // it ends
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;

    // Has the program started; `channel` becomes its standard input, which it takes for the way to the host before it (see
    // predecessor.hpp). If that fails, the keeper says so through the channel, and closes it. The program that was started
    // before is ended if it still runs. Returns 0 or an errno. [main]
    int start(int channel) const noexcept;

    // Binds a TCP socket. The keeper does so if the address is, or was at an earlier bind(), one of the configuration. Returns
    // 0 or an errno; EACCES: it does not. Waits for it, but not for long. [any]
    int bind(int socket, const SocketAddress& address) const noexcept;

    // The keeper ends, and what it has started goes on. No other call may follow. [main]
    void end() const noexcept;

    // Ends what was started last, if it still runs. [main]
    void kill() const noexcept;

  private:
    pid_t pid_; // constant after construction
    Descriptor socket_;
};

} // namespace gatehouse::host
