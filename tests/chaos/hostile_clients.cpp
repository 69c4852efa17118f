// Clients that mean no good.
#include "families.hpp"
#include "stream.hpp"

#include <array>

namespace gatehouse::chaos {

// Bytes at random, to listeners that speak something else. Whatever comes back, the end does too.
void garbage(const Scene& scene, Random& random) {
    constexpr std::array all{"http", "tls_echo", "tls_http", "proxied", "socks5", "front", "from_tls", "daytime", "time"};
    for (std::size_t left = random.between(1, 10); left > 0; --left) {
        support::Client client = scene.connect(all.at(random.between(0, all.size() - 1)));
        try {
            client.send(random.bytes(random.between(1, 20'000)));
            client.finish();
        } catch (const std::system_error&) { // the host has had enough already
        }
        client.rest();
    }
}

// Its time is over before it has said anything.
void silence(const Scene& scene, Random& random) {
    std::vector<support::Client> clients;
    for (std::size_t left = random.between(1, 20); left > 0; --left) clients.push_back(scene.connect("silent"));
    for (support::Client& client : clients) receive_all(client, "", "silence");
}

// More connections at once than a source may have: each is refused without a byte, or served.
void too_many(const Scene& scene, Random& random) {
    std::vector<support::Client> clients;
    for (std::size_t left = random.between(4, 30); left > 0; --left) clients.push_back(scene.connect("limited"));
    for (support::Client& client : clients) {
        try {
            client.send("let me in");
            client.finish();
            compare(client.rest().bytes, "let me in", "echo at a limit");
        } catch (const std::system_error&) { // refused
        }
    }
}

} // namespace gatehouse::chaos
