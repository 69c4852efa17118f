// The sockets that this process was started with: socket activation, sd_listen_fds(3).
#pragma once

#include "config/config.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

struct InheritedSocket {
    int descriptor;
    std::string name; // of LISTEN_FDNAMES; several may have the same
};

// Those of socket units, by descriptor; and those of the store, see fd_store.hpp. [main]
std::vector<InheritedSocket> inherited_sockets();
std::vector<InheritedSocket> stored_sockets();

// Whether a listener with this address serves the socket: "fd:NAME" means each of that name.
bool is_meant(const InheritedSocket& socket, const Address& address);

// "web (3), api (4)".
std::string names_of(const std::vector<InheritedSocket>& sockets);

// What is wrong, a line each: the kernel takes clients of a socket that no listener serves, and two listeners would share those
// of one that both serve.
std::vector<std::string> inherited_problems(const std::vector<InheritedSocket>& sockets,
                                            const std::vector<ListenerConfig>& listeners);

} // namespace gatehouse::host
