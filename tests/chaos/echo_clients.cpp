// Clients of an echo: the host's own, over TCP or a unix socket, or one of the servers behind it.
#include "families.hpp"
#include "stream.hpp"

#include <algorithm>
#include <array>
#include <sys/socket.h>

namespace gatehouse::chaos {
namespace {

support::Client connect_to_any(const Scene& scene, Random& random) {
    constexpr std::array all{"echo", "unix", "front", "pool", "named", "to_tls", "to_proxied"};
    return scene.connect(all.at(random.between(0, all.size() - 1)));
}

} // namespace

void keep_alive(const Scene& scene, Random& random) {
    const support::Client client = connect_to_any(scene, random);
    for (std::size_t left = random.between(20, 200); left > 0; --left) echo_all(client, random.bytes(random.between(1, 2000)));
}

void churn(const Scene& scene, Random& random) {
    for (std::size_t left = random.between(5, 30); left > 0; --left) {
        const support::Client client = connect_to_any(scene, random);
        echo_all(client, random.bytes(random.between(1, 100)), {.finish = random.chance(30)});
    }
}

void half_close(const Scene& scene, Random& random) {
    const support::Client client = connect_to_any(scene, random);
    echo_all(client, random.bytes(random.between(1, 300'000)), {.write = random.between(1000, 100'000), .finish = true});
}

void reset(const Scene& scene, Random& random) {
    for (std::size_t left = random.between(5, 20); left > 0; --left) {
        support::Client client = connect_to_any(scene, random);
        const std::string_view bytes = random.bytes(random.between(1, 200'000));
        const std::string_view sent =
            bytes.substr(0, static_cast<std::size_t>(std::max<ssize_t>(
                                0, ::send(client.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL))));
        for (std::size_t wanted = random.chance(30) ? 0 : random.between(0, sent.size()), back = 0; back < wanted;) {
            const std::string more = receive(client, wanted - back);
            if (more.empty()) throw std::runtime_error("the echo ended");
            compare(more, sent.substr(back), "echo before a reset");
            back += more.size();
        }
        client.reset();
    }
}

void slow_reader(const Scene& scene, Random& random) {
    const support::Client client = connect_to_any(scene, random);
    const int size = 4096;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    echo_all(client, random.bytes(random.between(100'000, 400'000)),
             {.read = random.between(500, 2000), .pause = random.milliseconds(0, 2), .finish = random.chance(50)});
}

void slow_writer(const Scene& scene, Random& random) {
    const support::Client client = connect_to_any(scene, random);
    echo_all(client, random.bytes(random.between(50, 300)), {.write = 1, .pause = random.milliseconds(0, 3)});
}

void bulk(const Scene& scene, Random& random) {
    const support::Client client = connect_to_any(scene, random);
    echo_all(client, random.bytes(random.between(1 << 20, Random::noise_size)), {.finish = random.chance(50)});
}

// Urgent data is data like all other.
void urgent(const Scene& scene, Random& random) {
    constexpr std::array over_tcp{"echo", "pool"};
    const support::Client client = scene.connect(over_tcp.at(random.between(0, 1)));
    const int on = 1;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    for (std::size_t left = random.between(5, 50); left > 0; --left) {
        const std::string bytes(random.bytes(random.between(3, 500)));
        const std::size_t at = random.between(1, bytes.size() - 1);
        std::size_t sent = 0;
        for (const auto& [size, flags] :
             {std::pair(at, 0), std::pair(std::size_t{1}, static_cast<int>(MSG_OOB)), std::pair(bytes.size() - at - 1, 0)}) {
            if (size > 0 && ::send(client.fd(), bytes.data() + sent, size, flags | MSG_NOSIGNAL) != static_cast<ssize_t>(size))
                throw std::runtime_error("the connection does not take urgent data any more");
            sent += size;
        }
        for (std::string back; back.size() < bytes.size();) {
            const std::string more = receive(client, bytes.size() - back.size());
            if (more.empty()) throw std::runtime_error("the echo ended");
            compare(back += more, bytes, "echo with urgent data");
        }
    }
}

} // namespace gatehouse::chaos
