#include "callers.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <utility>

namespace gateway {

std::string caller_of(std::string_view address) {
    std::string text(address.substr(0, address.find('%')));
    in6_addr v6{};
    if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::string(address);
    std::fill(std::begin(v6.s6_addr) + 8, std::end(v6.s6_addr), std::uint8_t{0});
    std::array<char, INET6_ADDRSTRLEN> network{};
    return std::string(::inet_ntop(AF_INET6, &v6, network.data(), network.size())) + "/64";
}

Callers::Entry* Callers::enter(std::string caller) {
    const auto entry = callers_.try_emplace(std::move(caller)).first;
    ++entry->second.clients;
    return &*entry;
}

void Callers::leave(Entry* entry) noexcept {
    if (--entry->second.clients == 0) callers_.erase(callers_.find(entry->first));
}

void Callers::take(Entry& entry, std::uint64_t server) {
    std::vector<Held>& held = entry.second.held;
    const auto found = std::ranges::find(held, server, &Held::identity);
    if (found == held.end())
        held.push_back({server, 1});
    else
        ++found->connections;
}

void Callers::give_back(Entry& entry, std::uint64_t server) noexcept {
    std::vector<Held>& held = entry.second.held;
    const auto found = std::ranges::find(held, server, &Held::identity);
    if (--found->connections == 0) held.erase(found);
}

} // namespace gateway
