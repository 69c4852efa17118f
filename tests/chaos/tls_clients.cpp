// Clients that speak TLS, well and badly.
#include "families.hpp"
#include "http.hpp"
#include "stream.hpp"
#include "tls_client.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::chaos {
namespace {

std::string any_echo(const Scene& scene, Random& random) { return scene.address(random.chance(60) ? "tls_echo" : "from_tls"); }

void expect_echo(TlsClient& client, std::string_view bytes) {
    client.send(bytes);
    compare(client.recv_exactly(bytes.size()), bytes, "echo through TLS");
}

// Whatever happens to the session: what comes out of it is the beginning of what is right. It ends, since the client finishes.
void expect_beginning(TlsClient& client, std::string_view bytes) {
    std::string arrived;
    try {
        for (std::string more; !(more = client.receive()).empty();) compare(arrived += more, bytes, "echo through damaged TLS");
    } catch (const support::TooLate&) {
        throw;
    } catch (const std::runtime_error&) { // the host has refused the rest
    }
}

} // namespace

void tls_echo(const Scene& scene, Random& random) {
    TlsClient client(any_echo(scene, random), {.ca = scene.ca(), .version_1_2 = random.chance(30)});
    for (std::size_t left = random.between(1, 40); left > 0; --left)
        expect_echo(client, random.bytes(random.between(1, 40'000)));
}

void tls_half_close(const Scene& scene, Random& random) {
    TlsClient client(any_echo(scene, random), {.ca = scene.ca(), .version_1_2 = random.chance(30)});
    const std::string_view bytes = random.bytes(random.between(1, 60'000));
    client.send(bytes);
    client.finish();
    compare(client.recv_exactly(bytes.size()), bytes, "echo after a half-close");
    if (!client.receive().empty()) throw Wrong("more came back than was sent");
}

void tls_http(const Scene& scene, Random& random) {
    TlsClient client(scene.address(random.chance(50) ? "tls_http" : "front"), {.ca = scene.ca()});
    for (std::size_t left = random.between(1, 15); left > 0; --left) {
        const Scene::File& file = scene.files().at(random.between(0, random.chance(10) ? 2 : 1));
        client.send(get(file.path));
        expect_answer(
            [&](std::size_t at_most) {
                std::string bytes = client.receive(at_most);
                if (bytes.empty()) throw std::runtime_error("http: the answer ended");
                return bytes;
            },
            file.bytes);
    }
}

// After some bytes nothing comes any more but the end, in the handshake or behind it.
void tls_cut(const Scene& scene, Random& random) {
    struct Cut {};
    std::size_t left = random.between(1, 3000);
    const auto cut = [&](std::string& bytes) {
        if (left == 0) throw Cut();
        bytes.resize(std::min(left, bytes.size()));
        left -= bytes.size();
    };
    try {
        TlsClient client(any_echo(scene, random), {.ca = scene.ca(), .version_1_2 = random.chance(30), .on_the_way = cut});
        for (;;) {
            const std::string_view bytes = random.bytes(random.between(1, 800));
            client.send(bytes);
            if (left > 0) {
                compare(client.recv_exactly(bytes.size()), bytes, "echo before a cut");
                continue;
            }
            if (random.chance(30)) return client.plain().reset();
            client.plain().finish();
            return expect_beginning(client, bytes);
        }
    } catch (const Cut&) { // in the handshake; the client has closed
    } catch (const support::TooLate&) {
        throw;
    } catch (const std::runtime_error&) { // the host has waited for the rest of the handshake
        if (left > 0) throw;
    }
}

void tls_flipped(const Scene& scene, Random& random) {
    std::size_t place = random.between(0, 2500); // in what goes to the host
    bool flipped = false;
    support::Client* plain = nullptr;
    const auto flip = [&](std::string& bytes) {
        if (flipped) return;
        if (place >= bytes.size()) {
            place -= bytes.size();
            return;
        }
        bytes[place] = static_cast<char>(bytes[place] ^ static_cast<char>(1U << random.between(0, 7)));
        flipped = true;
    };
    std::string_view bytes;
    try {
        TlsClient client(any_echo(scene, random), {.ca = scene.ca(), .version_1_2 = random.chance(30), .on_the_way = flip});
        plain = &client.plain();
        while (!flipped) {
            bytes = random.bytes(random.between(1, 800));
            client.send(bytes);
            if (!flipped) compare(client.recv_exactly(bytes.size()), bytes, "echo before a flipped bit");
        }
        plain->finish();
        expect_beginning(client, bytes);
    } catch (const support::TooLate&) {
        throw;
    } catch (const std::runtime_error&) {
        if (!flipped) throw;
    }
}

void tls_key_updates(const Scene& scene, Random& random) {
    TlsClient client(any_echo(scene, random), {.ca = scene.ca()});
    for (std::size_t rounds = random.between(1, 20); rounds > 0; --rounds) {
        for (std::size_t left = random.between(1, 60); left > 0; --left) client.key_update();
        expect_echo(client, random.bytes(random.between(1, 2000)));
    }
}

} // namespace gatehouse::chaos
