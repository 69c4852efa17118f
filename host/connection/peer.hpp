// The client that a connection comes from.
#pragma once

#include "base/observed.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <string>

namespace gatehouse::host {

// A socket address in the room that IP needs. Of a unix socket it keeps the family alone: clients have no path, as a rule. Its
// owner writes it, and any thread may read it meanwhile: a number that is odd while it is written says when to look again. One
// that has never been written, or cannot be read just now, is of no family.
class Peer {
  public:
    Peer() noexcept = default;
    explicit Peer(const SocketAddress& address) noexcept {
        Words words{};
        const std::size_t size = address.storage.ss_family == AF_UNIX ? sizeof(sa_family_t) : std::size_t{address.size};
        std::memcpy(words.data(), &address.storage, std::min(size, sizeof words));
        store(words);
    }
    Peer(const Peer& other) noexcept { *this = other; }
    Peer& operator=(const Peer& other) noexcept { // [owner of both]
        version_ += 1;
        store(other.load());
        version_ += 1;
        return *this;
    }
    ~Peer() = default;

    SocketAddress address() const noexcept { // [any]
        constexpr int most_tries = 8;
        Words words{};
        for (int tries = 1;; ++tries) {
            const std::uint32_t before = version_;
            words = load();
            if (before % 2 == 0 && before == version_) break;
            if (tries == most_tries) { // whoever writes it has been held up
                words = {};
                break;
            }
        }
        SocketAddress address;
        std::memcpy(&address.storage, words.data(), sizeof words);
        address.size = address.storage.ss_family == AF_INET    ? sizeof(sockaddr_in)
                       : address.storage.ss_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                               : sizeof(sa_family_t);
        return address;
    }

  private:
    using Words = std::array<std::uint32_t, sizeof(sockaddr_in6) / sizeof(std::uint32_t)>;

    Words load() const noexcept {
        Words words{};
        for (std::size_t i = 0; i < words.size(); ++i) words[i] = words_[i];
        return words;
    }
    void store(const Words& words) noexcept {
        for (std::size_t i = 0; i < words.size(); ++i) words_[i] = words[i];
    }

    Observed<std::uint32_t> version_;
    std::array<Observed<std::uint32_t>, std::tuple_size_v<Words>> words_;
};

// What a PROXY header has said, and which proxy has said it.
struct Proxied {
    SocketAddress transport; // the proxy's
    SocketAddress source;
    SocketAddress destination;
    std::string unique_id;
    std::string authority; // SNI, if the proxy has terminated TLS
    std::string alpn;
};

} // namespace gatehouse::host
