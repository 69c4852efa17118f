// Clients of the web server.
#include "http.hpp"

#include "families.hpp"
#include "stream.hpp"

#include <algorithm>
#include <array>
#include <sys/socket.h>
#include <thread>

namespace gatehouse::chaos {
namespace {

std::string read_some(const support::Client& client, std::size_t at_most) {
    std::string bytes = receive(client, at_most);
    if (bytes.empty()) throw std::runtime_error("http: the answer ended");
    return bytes;
}

const Scene::File& any_file(const Scene& scene, Random& random, std::size_t of = 3) {
    return scene.files().at(random.between(0, of - 1));
}

} // namespace

void http_keep_alive(const Scene& scene, Random& random) {
    support::Client client = scene.connect(random.chance(50) ? "http" : "front");
    const auto read = [&](std::size_t at_most) { return read_some(client, at_most); };
    for (std::size_t left = random.between(1, 30); left > 0; --left) {
        const Scene::File& file = any_file(scene, random, random.chance(10) ? 3 : 2);
        if (random.chance(30)) {
            const std::size_t first = random.between(0, file.bytes.size() - 1);
            const std::size_t last = random.between(first, file.bytes.size() - 1);
            client.send(get(file.path, "Range: bytes=" + std::to_string(first) + "-" + std::to_string(last) + "\r\n"));
            expect_answer(read, std::string_view(file.bytes).substr(first, last - first + 1));
        } else {
            client.send(get(file.path));
            expect_answer(read, file.bytes);
        }
    }
}

void http_pipeline(const Scene& scene, Random& random) {
    support::Client client = scene.connect("http");
    std::vector<const Scene::File*> asked;
    std::string requests;
    for (std::size_t left = random.between(2, 40); left > 0; --left) {
        asked.push_back(&any_file(scene, random, 2));
        requests += get(asked.back()->path);
    }
    // In pieces that end anywhere.
    for (std::string_view rest = requests; !rest.empty();) {
        const std::size_t size = random.between(1, std::min<std::size_t>(rest.size(), 1000));
        client.send(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    for (const Scene::File* file : asked)
        expect_answer([&](std::size_t at_most) { return read_some(client, at_most); }, file->bytes);
}

void http_slow_download(const Scene& scene, Random& random) {
    support::Client client = scene.connect("http");
    const int size = 16384;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    const Scene::File& file = scene.files()[2];
    client.send(get(file.path));
    const bool stays = random.chance(50);
    std::size_t left = stays ? file.bytes.size() * 2 : random.between(1000, 500'000);
    try {
        expect_answer(
            [&](std::size_t at_most) {
                if (left < at_most) throw std::length_error("it has had enough");
                left -= at_most;
                std::this_thread::sleep_for(random.milliseconds(0, 3));
                return read_some(client, at_most);
            },
            file.bytes);
    } catch (const std::length_error&) {
        if (random.chance(50)) client.reset();
    }
}

// The answer is a refusal, or none if the request never ends.
void http_bad_request(const Scene& scene, Random& random) {
    support::Client client = scene.connect("http");
    constexpr std::array<std::string_view, 6> requests{
        "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /small HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "\x01\x02\x03\r\n\r\n"};
    const std::string_view request = requests.at(random.between(0, requests.size() - 1));
    const bool whole = random.chance(70);
    client.send(whole ? request : request.substr(0, random.between(1, request.size() - 1)));
    client.finish();
    const std::string answer = client.rest().bytes;
    if (answer.find(" 200 ") != std::string::npos) throw Wrong("http: a bad request was granted: " + answer);
    if (whole && answer.empty()) throw std::runtime_error("http: no answer to a bad request");
}

} // namespace gatehouse::chaos
