// How much of a client's input the http plugin takes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace http {

struct Limits {
    std::size_t max_header = 16 * 1024; // bytes of a whole head: request line, fields, and the empty line that ends it
    std::size_t max_target = 8 * 1024;  // bytes of the request target; less than max_header
    std::uint64_t max_body = 64 * 1024; // bytes of a request body as it is sent, chunk framing included; it is discarded
};

} // namespace http
