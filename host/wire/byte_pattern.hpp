// Bytes that a connection has to begin with, as an operator writes them: a route's `match`.
#pragma once

#include "base/match.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gatehouse::host {

struct BytePattern {
    struct Part {
        std::size_t at; // from the connection's first byte on
        std::string bytes;

        bool operator==(const Part&) const = default;
    };
    std::vector<Part> parts; // all of them must be there; they do not contradict each other

    // Whether the bytes have them. [any]
    Match fits(std::span<const std::byte> bytes) const noexcept;

    // How many bytes decide it at the latest.
    std::size_t size() const noexcept;

    // The byte that has to stand there; nothing: any.
    std::optional<char> byte_at(std::size_t at) const noexcept;

    // The bytes from the first on, up to one that may be any.
    std::string start() const;

    bool operator==(const BytePattern&) const = default;
};

// Whether all that fits `narrow` fits `wide`.
bool covers(const BytePattern& wide, const BytePattern& narrow) noexcept;

// Whether some byte has to be two things.
bool contradicts_itself(const BytePattern& pattern) noexcept;

} // namespace gatehouse::host
