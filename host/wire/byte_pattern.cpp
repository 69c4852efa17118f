#include "wire/byte_pattern.hpp"

#include "wire/bytes.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

// Whether this holds for each byte of the pattern.
template <class Holds>
bool all_bytes(const BytePattern& pattern, Holds holds) noexcept {
    for (const BytePattern::Part& part : pattern.parts)
        for (std::size_t i = 0; i < part.bytes.size(); ++i)
            if (!holds(part.at + i, part.bytes[i])) return false;
    return true;
}

} // namespace

Match BytePattern::fits(std::span<const std::byte> bytes) const noexcept {
    const std::string_view text = text_of(bytes);
    if (!all_bytes(*this, [&](std::size_t at, char byte) { return at >= text.size() || text[at] == byte; })) return Match::no;
    return text.size() < size() ? Match::more : Match::yes;
}

std::size_t BytePattern::size() const noexcept {
    std::size_t size = 0;
    for (const Part& part : parts) size = std::max(size, part.at + part.bytes.size());
    return size;
}

std::optional<char> BytePattern::byte_at(std::size_t at) const noexcept {
    for (const Part& part : parts)
        if (at >= part.at && at - part.at < part.bytes.size()) return part.bytes[at - part.at];
    return std::nullopt;
}

std::string BytePattern::start() const {
    std::string text;
    while (const std::optional<char> byte = byte_at(text.size())) text += *byte;
    return text;
}

bool covers(const BytePattern& wide, const BytePattern& narrow) noexcept {
    return all_bytes(wide, [&](std::size_t at, char byte) { return narrow.byte_at(at) == byte; });
}

bool contradicts_itself(const BytePattern& pattern) noexcept {
    return !all_bytes(pattern, [&](std::size_t at, char byte) { return pattern.byte_at(at) == byte; });
}

} // namespace gatehouse::host
