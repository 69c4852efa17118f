// systemd's store of descriptors (sd_notify(3), FDSTORE=1): it keeps the listening sockets of the unit while no host runs,
// after a crash or in a restart, so that newcomers wait in the accept queue instead of being refused. The next host gets them
// with the sockets that it is started with, by a name that says what socket_key() says of their listener.
#pragma once

#include "base/descriptor.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

// Whether an inherited socket comes from the store, by its name.
bool is_stored_name(std::string_view name) noexcept;
// A name for the store, and back. Empty: it would be too long, or it is none.
std::string stored_name(std::string_view key);
std::string key_of_stored(std::string_view name);

class FdStore {
  public:
    // There is one if systemd says so: in the environment are NOTIFY_SOCKET and FDSTORE, the number of descriptors that the
    // unit may store.
    FdStore();

    // What was in the store when this process was started, by key. Once. [main]
    std::map<std::string, std::vector<Descriptor>> take();

    // The host before this one may have put these there, by key. [main]
    void assume(const std::map<std::string, std::vector<Descriptor>>& sockets);

    // These are to be in the store, and no others. [main]
    void keep(const std::vector<std::pair<std::string, int>>& sockets) noexcept;

    // Whether sockets stay open when this process has closed them; and whether those of this key do.
    bool holds_any() const noexcept { return !names_.empty(); }
    bool holds(const std::string& key) const noexcept;

  private:
    const bool is_there_;
    std::set<std::string> names_; // of what is in it
};

} // namespace gatehouse::host
