#include "control/message.hpp"

#include <cstdint>
#include <cstring>

namespace gatehouse::host {
namespace {

constexpr std::size_t width = sizeof(std::uint32_t);

void append_size(std::string& bytes, std::size_t size) {
    const auto number = static_cast<std::uint32_t>(size);
    bytes.append(reinterpret_cast<const char*>(&number), width);
}

std::size_t size_at(std::string_view bytes) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data(), width);
    return number;
}

} // namespace

std::string encode_message(const std::vector<std::string>& texts) {
    std::size_t size = 0;
    for (const std::string& text : texts) size += width + text.size();
    std::string bytes;
    bytes.reserve(width + size);
    append_size(bytes, size);
    for (const std::string& text : texts) {
        append_size(bytes, text.size());
        bytes += text;
    }
    return bytes;
}

Decoded decode_message(std::string_view bytes, std::size_t most, std::vector<std::string>& texts) {
    texts.clear();
    if (bytes.size() < width) return Decoded::more;
    const std::size_t size = size_at(bytes);
    if (size > most) return Decoded::bad;
    if (bytes.size() - width < size) return Decoded::more;
    for (std::string_view rest = bytes.substr(width, size); !rest.empty();) {
        if (rest.size() < width || size_at(rest) > rest.size() - width) return Decoded::bad;
        texts.emplace_back(rest.substr(width, size_at(rest)));
        rest.remove_prefix(width + texts.back().size());
    }
    return Decoded::whole;
}

} // namespace gatehouse::host
