#include "common_name.hpp"

#include <algorithm>
#include <charconv>

namespace gateway {
namespace {

// Takes a value from the front of `text`, up to a separator that is not escaped (RFC 2253, 2.4).
std::string take_value(std::string_view& text) {
    std::string value;
    while (!text.empty() && text.front() != ',' && text.front() != '+') {
        if (text.front() == '\\' && text.size() > 1) {
            unsigned byte = 0;
            const auto [end, error] =
                std::from_chars(text.data() + 1, text.data() + std::min<std::size_t>(3, text.size()), byte, 16);
            const bool is_byte = error == std::errc() && end == text.data() + 3;
            value += is_byte ? static_cast<char>(byte) : text[1];
            text.remove_prefix(is_byte ? 3 : 2);
        } else {
            value += text.front();
            text.remove_prefix(1);
        }
    }
    return value;
}

bool is_plain(std::string_view value) {
    return !value.empty() && value.size() <= 255 &&
           std::ranges::none_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

} // namespace

std::optional<std::string> common_name(std::string_view subject) {
    while (!subject.empty()) {
        const std::size_t equals = subject.find('=');
        if (equals == subject.npos) return std::nullopt;
        const std::string_view type = subject.substr(0, equals);
        subject.remove_prefix(equals + 1);
        const bool is_text = !subject.starts_with('#'); // else it is the encoded bytes of a value
        std::string value = take_value(subject);
        if (type == "CN") return is_text && is_plain(value) ? std::optional(std::move(value)) : std::nullopt;
        subject.remove_prefix(std::min<std::size_t>(1, subject.size()));
    }
    return std::nullopt;
}

} // namespace gateway
