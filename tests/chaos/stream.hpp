// What comes from the host is compared as it arrives. A stream that ends too early is a std::runtime_error (while a disturbance
// goes on it may); one with other bytes than it has to have is Wrong, always.
#pragma once

#include "clients.hpp"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gatehouse::chaos {

struct Wrong : std::logic_error {
    using std::logic_error::logic_error;
};

// Throws Wrong if `arrived` is not how `expected` begins.
void compare(std::string_view arrived, std::string_view expected, std::string_view what);

// Waits for more and takes what there is, `at_most` bytes; "" is the end. Throws if the connection is reset.
std::string receive(const support::Client& client, std::size_t at_most = 65536);

// Reads to the end, or to the reset. Throws Wrong if what comes is not the beginning of `expected`, and std::runtime_error if
// it is not all of it.
void receive_all(const support::Client& client, std::string_view expected, std::string_view what);

// How a client reads and writes.
struct Manner {
    std::size_t write = 65536; // bytes at a time
    std::size_t read = 65536;
    std::chrono::microseconds pause{}; // after each turn
    bool finish = false;               // half-close behind the last byte: the end has to come behind the last byte as well
};

// Sends `bytes`, and meanwhile takes what comes back, which has to be the same.
void echo_all(const support::Client& client, std::string_view bytes, const Manner& manner = {});

} // namespace gatehouse::chaos
