// Clients that say first who they are or where they want to go: PROXY headers, SOCKS5, and several protocols on one port.
#include "families.hpp"
#include "stream.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::chaos {
namespace {

using namespace std::string_literals;

std::string number(Random& random, std::size_t most) { return std::to_string(random.between(1, most)); }

std::string version_1(Random& random) {
    switch (random.between(0, 2)) {
    case 0:
        return "PROXY TCP4 192.0.2." + number(random, 254) + " 198.51.100.2 " + number(random, 65535) + " 443\r\n";
    case 1:
        return "PROXY TCP6 2001:db8::" + number(random, 9999) + " 2001:db8::1 " + number(random, 65535) + " 443\r\n";
    default:
        return "PROXY UNKNOWN\r\n";
    }
}

std::string big_endian(std::size_t value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }

std::string version_2(Random& random) {
    // Addresses, ports, and a field that the host does not know.
    const std::string addresses(random.bytes(12));
    const std::string_view value = random.bytes(random.between(0, 300));
    const std::string rest = addresses + "\xe0" + big_endian(value.size()) + std::string(value);
    return "\r\n\r\n\0\r\nQUIT\n"s + (random.chance(80) ? "\x21\x11"s : "\x20\0"s) + big_endian(rest.size()) + rest;
}

std::string header(Random& random) { return random.chance(50) ? version_1(random) : version_2(random); }

std::string request(std::size_t port, std::string_view password) {
    return "\5\1\2\1\3ann"s + static_cast<char>(password.size()) + std::string(password) + "\5\1\0\1\x7f\0\0"s +
           static_cast<char>(2) + big_endian(port);
}

} // namespace

void proxy_header(const Scene& scene, Random& random) {
    for (std::size_t left = random.between(1, 10); left > 0; --left) {
        support::Client client = scene.connect("proxied");
        const std::string text = header(random);
        const std::size_t first = random.between(1, text.size());
        client.send(std::string_view(text).substr(0, first));
        client.send(std::string_view(text).substr(first));
        echo_all(client, random.bytes(random.between(1, 5000)), {.finish = true});
    }
}

// Nobody gets an echo without a good header.
void bad_proxy_header(const Scene& scene, Random& random) {
    for (std::size_t left = random.between(1, 10); left > 0; --left) {
        support::Client client = scene.connect("proxied");
        std::string text = header(random);
        if (random.chance(50))
            text.resize(random.between(0, text.size() - 1));
        else
            text[random.between(0, 11)] ^= static_cast<char>(1U << random.between(0, 6)); // where each kind of header is fixed
        try {
            client.send(text);
            client.finish();
        } catch (const std::system_error&) { // refused already
        }
        compare(client.rest().bytes, "", "bad PROXY header");
    }
}

void socks5(const Scene& scene, Random& random) {
    support::Client client = scene.connect("socks5");
    client.send(request(std::stoul(scene.ports().plain), "correct-horse"));
    compare(client.recv_exactly(4), "\5\2\1\0"s, "socks5 login");
    const std::string answer = client.recv_exactly(10);
    if (answer[1] != 0) throw std::runtime_error("socks5: the proxy says " + std::to_string(answer[1]));
    echo_all(client, random.bytes(random.between(1, 200'000)), {.finish = random.chance(50)});
}

void bad_socks5(const Scene& scene, Random& random) {
    support::Client client = scene.connect("socks5");
    const std::string other = std::to_string(random.between(1, 1000)); // ports that the rules do not allow
    std::string text = request(std::stoul(other), random.chance(50) ? "correct-horse" : "wrong-horse");
    if (random.chance(30)) text.resize(random.between(1, text.size() - 1));
    try {
        client.send(text);
        client.finish();
    } catch (const std::system_error&) { // refused already
    }
    const std::string answer = client.rest().bytes;
    if (answer.size() > 5 && answer[5] == 0) throw Wrong("socks5: a destination was allowed that is not");
}

// SSH goes to a server behind the host, everything else that nobody knows to the echo. Both send it back.
void one_port(const Scene& scene, Random& random) {
    support::Client client = scene.connect("front");
    const std::string hello = random.chance(50) ? "SSH-2.0-chaos_1.0\r\n" : "HELO " + number(random, 9999) + "\r\n";
    for (std::string_view rest = hello; !rest.empty();) {
        const std::size_t size = random.between(1, rest.size());
        client.send(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    compare(client.recv_exactly(hello.size()), hello, "one port");
    echo_all(client, random.bytes(random.between(1, 20'000)), {.finish = true});
}

} // namespace gatehouse::chaos
