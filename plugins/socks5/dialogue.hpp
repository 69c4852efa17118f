// One client's negotiation, from its greeting to its request: bytes in, answers out, no input or output of its own.
#pragma once

#include "../passwords/users.hpp"
#include "message.hpp"

#include <string>
#include <string_view>

namespace socks5 {

using passwords::Users;

class Dialogue {
  public:
    enum class State {
        incomplete, // more bytes are needed
        login,      // a password has to be checked, which takes long: with `may_compute` it goes on
        requested,  // there is a request() to connect somewhere, which the caller answers
        refused,    // the negotiation is over; the answer says so, and why() says why
    };

    // Takes the bytes that have arrived, however the network has cut them, and appends the answer to `answer`. Between two
    // calls it keeps the beginning of one message, at most 512 bytes. Call it again only after `incomplete` and `login`.
    // `may_compute`: it may compute a password's hash.
    State feed(std::string_view bytes, const Users& users, bool may_compute, std::string& answer);

    // The login that feed() has asked for cannot be checked.
    State refuse_login(std::string& answer);

    const Request& request() const noexcept { return request_; }
    // The bytes after the request, from a client that did not wait for the reply. They are part of the last feed()'s input.
    std::string_view rest() const noexcept { return input_; }
    std::string_view user() const noexcept { return user_; } // empty: no authentication
    std::string_view why() const noexcept { return why_; }

    // Frees its memory before the relay begins; only the destructor may follow.
    void release() noexcept;

  private:
    enum class Phase { greeting, credentials, request };

    State greet(const Users& users, std::string& answer);
    State authenticate(const Users& users, bool may_compute, std::string& answer);
    State accept_request(std::string& answer);
    State refuse(std::string_view why) noexcept {
        why_ = why;
        return State::refused;
    }

    Phase phase_ = Phase::greeting;
    std::string input_; // the beginning of a message
    std::string user_;
    Request request_;
    std::string_view why_;
};

} // namespace socks5
