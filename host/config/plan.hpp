// What a reload would do: two configurations compared, key by key. Pure functions: they open nothing, load nothing and wait for
// nothing, so that any thread may call them, as long as no plugin's create() reads one of the two. [any]
#pragma once

#include "config/config.hpp"
#include "config/key_classes.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

// One difference in a section. Values are as config/value_text.hpp writes them; "": there is none.
struct Change {
    enum class Kind : std::uint8_t {
        changed, // ~ a value
        added,   // + an item of a list: a route, a certificate of [tls.NAME], a table of a plugin's `config`
        removed, // - such an item
        moved,   // ~ an item that stands elsewhere now. Of a plugin's `config`: the items of some list
    };

    Kind kind = Kind::changed;
    // Within the section: "max_connections", "threads.min", "routes.2.sni"; of an item "routes.2", "sni.1",
    // "config.servers.db3". Numbers start at 1, and count in the next configuration; those of what is removed in the running
    // one.
    std::string key;
    KeyClass effect = KeyClass::restart;
    std::string before{}; // of a moved item its number
    std::string after{};
    std::vector<std::pair<std::string, std::string>> fields{}; // what an item says that is added or removed: keys and values
    std::size_t networks_added = 0;                            // of `allow`, `deny` and their files, instead of values
    std::size_t networks_removed = 0;
    bool secret = false; // there are values, but they are not to be shown: before, after and fields are empty
    Place where{};       // of the value or of what it is part of; of what is removed, in the running configuration
};

// A section with a name of its own: [tls.NAME], [maps.NAME], [plugins.NAME].
struct SectionPlan {
    enum class Fate : std::uint8_t { same, changed, added, removed };

    std::string name;
    Fate fate = Fate::same;
    std::vector<Change> changes{}; // if it is changed: never empty
    Place where{};
};

// A listener. It is compared with the running listener of the same name. If there is none, it is a renamed one: compared with
// the listener whose socket it gets, if that name is gone.
struct ListenerPlan {
    // Sockets are found by address: see socket_key().
    enum class Socket : std::uint8_t {
        kept,   // the one of the running listener `socket_of`
        moved,  // another address: a new socket
        opened, // a new listener and its new socket
        closed, // a running listener that is gone, with its socket
        given,  // a running listener that is gone, whose socket another one gets
    };

    std::string name;    // in the next configuration; of one that is gone in the running one
    std::string running; // the running listener that it is compared with; empty: it is new
    Socket socket = Socket::kept;
    std::string socket_of{}; // the running listener that has its socket now; empty: it is a new one
    std::string address{};   // as to_string() writes it; of one that is gone its last
    // From what it is compared with. What waits for a restart is that of the socket: from the listener that has it now, if any.
    std::vector<Change> changes{};
    Place where{};
};

// Whether there is anything to say about it.
bool differs(const SectionPlan& section) noexcept;
bool differs(const ListenerPlan& listener) noexcept;

struct Plan {
    std::vector<Change> host, process, log;
    std::vector<SectionPlan> tls;        // all of them: those of the next configuration in its order, then those that are gone
    std::vector<SectionPlan> maps;       // the same
    std::vector<SectionPlan> plugins;    // the same
    std::vector<ListenerPlan> listeners; // the same

    std::size_t opens = 0; // listening sockets
    std::size_t closes = 0;
    std::size_t keeps = 0;

    // Whether nothing changes at all.
    bool empty() const noexcept;

    // The whole names of the changed keys that wait for a restart, such as "process.user" and "listeners.web.ipv6_only".
    std::vector<std::string> waiting() const;
};

// Both must be of the same file. Empty exactly if they are equal, whatever the order of their listeners. A thousand listeners
// with ten thousand routes take some hundredths of a second.
Plan plan_of(const Config& running, const Config& next);

// The next configuration with the running values of all keys that wait for a restart: what a reload can apply at once.
Config with_restart_keys_of(const Config& running, Config next);

// By which a listening socket is found again at a reload: its address, however it is written. With port 0 each listener has a
// port of its own, so then its name, too.
std::string socket_key(const ListenerConfig& listener);

} // namespace gatehouse::host
