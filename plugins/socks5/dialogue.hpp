// One client's negotiation, from its greeting to its request: bytes in, answers out, no input or output of its own.
#pragma once

#include "message.hpp"
#include "users.hpp"

#include <string>
#include <string_view>

namespace socks5 {

class Dialogue {
  public:
    enum class State {
        incomplete, // more bytes are needed
        requested,  // there is a request() to connect somewhere, to be answered by the caller
        refused,    // it is over; the answer says so, and why() says why
    };

    // Takes what has arrived, however it is cut, and appends to `answer` what is to be sent back. Between two calls it keeps
    // the beginning of one message, at most 512 bytes. Not to be called again after anything but `incomplete`.
    State feed(std::string_view bytes, const Users& users, std::string& answer);

    const Request& request() const noexcept { return request_; }
    // What followed the request, from a client that did not wait for the reply. At most what the last feed() was given.
    std::string_view rest() const noexcept { return input_; }
    std::string_view user() const noexcept { return user_; } // empty: no authentication
    std::string_view why() const noexcept { return why_; }

    // Gives its memory back, for a connection that is about to be relayed; only the destructor may follow.
    void release() noexcept;

  private:
    enum class Phase { greeting, credentials, request };

    State greet(const Users& users, std::string& answer);
    State authenticate(const Users& users, std::string& answer);
    State accept_request(std::string& answer);
    State refuse(std::string_view why) noexcept {
        why_ = why;
        return State::refused;
    }

    Phase phase_ = Phase::greeting;
    std::string input_; // what has not been understood yet
    std::string user_;
    Request request_;
    std::string_view why_;
};

} // namespace socks5
