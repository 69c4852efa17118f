// Clients of the small old protocols.
#include "families.hpp"
#include "stream.hpp"

#include <cstdlib>
#include <ctime>
#include <string>

namespace gatehouse::chaos {
namespace {

void daytime(const Scene& scene) {
    const std::string line = scene.connect("daytime").rest().bytes;
    if (line.empty()) throw std::runtime_error("daytime said nothing");
    if (!line.ends_with("-UTC\r\n")) throw Wrong("daytime: " + line);
}

void time(const Scene& scene) {
    const std::string bytes = scene.connect("time").rest().bytes;
    if (bytes.size() != 4) throw std::runtime_error("time said " + std::to_string(bytes.size()) + " bytes");
    std::uint32_t seconds = 0;
    for (const char byte : bytes) seconds = seconds << 8U | static_cast<unsigned char>(byte);
    constexpr std::int64_t from_1900_to_1970 = 2'208'988'800;
    if (std::abs(seconds - from_1900_to_1970 - std::time(nullptr)) > 60) throw Wrong("time: " + std::to_string(seconds));
}

void discard(const Scene& scene, Random& random) {
    support::Client client = scene.connect("discard");
    for (std::size_t left = random.between(1, 20); left > 0; --left) client.send(random.bytes(random.between(1, 50'000)));
    client.finish();
    receive_all(client, "", "discard");
}

} // namespace

void classics(const Scene& scene, Random& random) {
    daytime(scene);
    time(scene);
    discard(scene, random);
}

void chargen(const Scene& scene, Random& random) {
    support::Client client = scene.connect("chargen");
    std::size_t place = 0; // in the stream: lines of 74 bytes, the pattern repeats after 95 of them
    for (const std::size_t wanted = random.between(1000, 500'000); place < wanted;) {
        const std::string more = receive(client, random.between(100, 65536));
        if (more.empty()) throw std::runtime_error("chargen ended");
        for (const char byte : more) {
            const std::size_t line = place / 74;
            const std::size_t column = place % 74;
            const char right = column == 72 ? '\r' : column == 73 ? '\n' : static_cast<char>(' ' + (line + column) % 95);
            if (byte != right) throw Wrong("chargen: byte " + std::to_string(place));
            ++place;
        }
    }
    if (random.chance(50)) client.reset();
}

} // namespace gatehouse::chaos
