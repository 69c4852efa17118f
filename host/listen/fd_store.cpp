#include "listen/fd_store.hpp"

#include "base/if_memory_allows.hpp"
#include "listen/inherited.hpp"

#include <cstdlib>
#include <systemd/sd-daemon.h>

namespace gatehouse::host {
namespace {

constexpr std::string_view prefix = "gatehouse=";
constexpr std::size_t longest_name = 255; // that systemd takes
constexpr std::string_view hex = "0123456789abcdef";

// systemd takes what is printable, but for the colon.
bool is_plain(char c) noexcept { return c > ' ' && c < 127 && c != ':' && c != '%'; }

} // namespace

bool is_stored_name(std::string_view name) noexcept { return name.starts_with(prefix); }

std::string stored_name(std::string_view key) {
    std::string name(prefix);
    for (const char c : key) {
        if (is_plain(c)) {
            name += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        name += {'%', hex[byte >> 4U], hex[byte & 15U]};
    }
    return name.size() <= longest_name ? name : "";
}

std::string key_of_stored(std::string_view name) {
    if (!is_stored_name(name)) return "";
    std::string key;
    for (std::size_t i = prefix.size(); i < name.size(); ++i) {
        if (name[i] != '%') {
            key += name[i];
            continue;
        }
        const std::size_t high = i + 2 < name.size() ? hex.find(name[i + 1]) : std::string_view::npos;
        const std::size_t low = i + 2 < name.size() ? hex.find(name[i + 2]) : std::string_view::npos;
        if (high == std::string_view::npos || low == std::string_view::npos) return "";
        key += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return key;
}

FdStore::FdStore() : is_there_(std::getenv("NOTIFY_SOCKET") != nullptr && std::getenv("FDSTORE") != nullptr) {}

std::map<std::string, std::vector<Descriptor>> FdStore::take() {
    std::map<std::string, std::vector<Descriptor>> all;
    for (const InheritedSocket& socket : stored_sockets()) {
        names_.insert(socket.name);
        all[key_of_stored(socket.name)].emplace_back(socket.descriptor);
    }
    return all;
}

bool FdStore::holds(const std::string& key) const noexcept {
    bool held = false;
    if_memory_allows([&] { held = names_.contains(stored_name(key)); });
    return held;
}

void FdStore::assume(const std::map<std::string, std::vector<Descriptor>>& sockets) {
    for (const auto& [key, descriptors] : sockets)
        if (const std::string name = stored_name(key); is_there_ && !name.empty()) names_.insert(name);
}

void FdStore::keep(const std::vector<std::pair<std::string, int>>& sockets) noexcept {
    if (!is_there_) return;
    if_memory_allows([&] {
        std::set<std::string> kept;
        for (const auto& [key, socket] : sockets) {
            const std::string name = stored_name(key);
            if (name.empty() || key.starts_with("fd:")) continue; // what a socket unit has opened systemd keeps anyway
            const std::string message = "FDSTORE=1\nFDNAME=" + name;
            if (::sd_pid_notify_with_fds(0, 0, message.c_str(), &socket, 1) > 0) kept.insert(name);
        }
        for (const std::string& name : names_)
            if (!kept.contains(name)) ::sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + name).c_str());
        names_ = std::move(kept);
    });
}

} // namespace gatehouse::host
