// What two hosts say to each other in an upgrade: messages with descriptors, over a pair of SOCK_SEQPACKET sockets.
//
// A message is a row of texts, each with its end, a NUL: "gatehouse 1", what it is about, then "name=value" as often as it
// takes. Whoever reads passes over names that it does not know, so a host talks to the versions before and after it.
#pragma once

#include "base/descriptor.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gatehouse::host {

struct HandoverMessage {
    static constexpr std::size_t most_descriptors = 64; // the kernel takes 253
    static constexpr std::size_t most_bytes = 65536;

    using Fields = std::vector<std::pair<std::string, std::string>>; // names may repeat

    std::string what;
    Fields fields;
    std::vector<Descriptor> descriptors; // close-on-exec

    // The first value of that name; empty: there is none.
    std::string_view value(std::string_view name) const noexcept;
};

// The whole text as a number; or what is to be taken for one otherwise.
template <class Number>
Number number_or(std::string_view text, Number otherwise) noexcept {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

// Both ends, non-blocking and close-on-exec. Throws std::system_error.
std::pair<Descriptor, Descriptor> handover_channel();

// The bytes of a message. Throws std::length_error if they are too many, or a value has a NUL.
std::string handover_bytes(std::string_view what, const HandoverMessage::Fields& fields = {});

// Reads it back; nothing: these bytes are none.
std::optional<HandoverMessage> parse_handover(std::string_view bytes);

// Returns 0 or an errno: EAGAIN if the other side has to read first; EPIPE if it has gone. Copies of the descriptors go along.
int send_handover(int channel, std::string_view bytes, std::span<const int> descriptors = {}) noexcept;

// The next message, if there is one. `error`: 0; EAGAIN: there is none yet; EPIPE: the other side has gone; EPROTO: it is no
// message, or not all of it has come. Throws std::bad_alloc.
std::optional<HandoverMessage> receive_handover(int channel, int& error);

} // namespace gatehouse::host
