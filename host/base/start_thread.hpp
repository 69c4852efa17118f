// Starts a thread, or says which one could not be started.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace gatehouse::host {

// `whose` is for the message. Throws std::system_error.
template <class Body>
std::thread start_thread(std::string_view whose, Body body) {
    try {
        return std::thread(std::move(body));
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), "cannot start a thread of " + std::string(whose));
    }
}

} // namespace gatehouse::host
