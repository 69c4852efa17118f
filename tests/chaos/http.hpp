// An answer of the web server, whatever it comes over.
#pragma once

#include "stream.hpp"

#include <cctype>
#include <string>
#include <string_view>

namespace gatehouse::chaos {

// Takes one answer to a GET from `read` (which returns at least one byte, at most as many as it is told, or throws), and
// compares it. Throws std::runtime_error if the web server says that it cannot, as it does without descriptors.
template <class Read>
void expect_answer(Read read, std::string_view body) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        head += read(1);
        if (head.size() > 4096) throw Wrong("http: a head without end: " + head.substr(0, 200));
    }
    if (head.starts_with("HTTP/1.1 5")) throw std::runtime_error("http: " + head.substr(0, 20));
    if (!head.starts_with("HTTP/1.1 200 ") && !head.starts_with("HTTP/1.1 206 ")) throw Wrong("http: " + head);
    if (head.find("Content-Length: " + std::to_string(body.size()) + "\r\n") == std::string::npos)
        throw Wrong("http: another length than " + std::to_string(body.size()) + ": " + head);
    for (std::size_t arrived = 0; arrived < body.size();) {
        const std::string more = read(std::min<std::size_t>(body.size() - arrived, 65536));
        compare(more, body.substr(arrived), "http body");
        arrived += more.size();
    }
}

inline std::string get(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}

} // namespace gatehouse::chaos
