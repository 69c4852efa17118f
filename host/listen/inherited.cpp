#include "listen/inherited.hpp"

#include "base/printable.hpp"
#include "listen/fd_store.hpp"

#include <cstdlib>
#include <systemd/sd-daemon.h>

namespace gatehouse::host {
namespace {

std::vector<InheritedSocket> sockets_of_start(bool stored) {
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(0, &names);
    std::vector<InheritedSocket> sockets;
    for (int i = 0; i < count; ++i) {
        if (is_stored_name(names[i]) == stored) sockets.push_back({SD_LISTEN_FDS_START + i, names[i]});
        std::free(names[i]); // sd_listen_fds_with_names() allocates with malloc()
    }
    std::free(static_cast<void*>(names));
    return sockets;
}

} // namespace

std::vector<InheritedSocket> inherited_sockets() { return sockets_of_start(false); }
std::vector<InheritedSocket> stored_sockets() { return sockets_of_start(true); }

bool is_meant(const InheritedSocket& socket, const Address& address) {
    return address.kind == Address::Kind::inherited &&
           (address.name == socket.name || address.name == std::to_string(socket.descriptor));
}

std::string names_of(const std::vector<InheritedSocket>& sockets) {
    std::string text;
    for (const InheritedSocket& socket : sockets)
        text += (text.empty() ? "" : ", ") + printable(socket.name) + " (" + std::to_string(socket.descriptor) + ")";
    return text;
}

std::vector<std::string> inherited_problems(const std::vector<InheritedSocket>& sockets,
                                            const std::vector<ListenerConfig>& listeners) {
    std::vector<std::string> problems;
    std::vector<InheritedSocket> unused;
    for (const InheritedSocket& socket : sockets) {
        const ListenerConfig* server = nullptr;
        for (const ListenerConfig& listener : listeners) {
            if (!is_meant(socket, listener.address)) continue;
            if (server != nullptr)
                problems.push_back("listener " + listener.name + ": the inherited socket " + names_of({socket}) +
                                   " is listener " + server->name + "'s already; leave one of the two out (" +
                                   listener.where.text + ")");
            server = &listener;
        }
        if (server == nullptr) unused.push_back(socket);
    }
    if (!unused.empty())
        problems.push_back("no listener serves the inherited socket" + std::string(unused.size() == 1 ? " " : "s ") +
                           names_of(unused) + "; add a listener with address = \"fd:" + printable(unused.front().name) +
                           "\", or take it out of the socket unit");
    return problems;
}

} // namespace gatehouse::host
