#include "net/server_name.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"

#include <algorithm>

namespace gatehouse::host {

ServerName::ServerName(std::string_view text) noexcept {
    if (const std::size_t zone = text.find('%'); zone != std::string_view::npos && text.find(':') < zone)
        text = text.substr(0, zone);
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.size() > longest) return;
    std::transform(text.begin(), text.end(), text_.begin(), [](char c) { return ascii_lower(c); });
    size_ = static_cast<std::uint8_t>(text.size());
}

std::string_view ServerName::parent() const noexcept {
    const std::size_t dot = text().find('.');
    return dot == std::string_view::npos || dot == 0 ? std::string_view() : text().substr(dot + 1);
}

std::optional<std::string> parse_route_name(std::string_view text, std::string& error) {
    std::string name(ServerName(text).text());
    std::string_view labels = name;
    if (labels.starts_with("*.")) labels.remove_prefix(2);
    const bool clean = std::all_of(labels.begin(), labels.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '.';
    });
    if (!labels.empty() && clean && !labels.starts_with('.') && !labels.ends_with('.') &&
        labels.find("..") == std::string_view::npos)
        return name;
    const bool is_ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    error = in_quotes(text) + " is not a server name (expected \"www.example.org\" or \"*.example.org\" for all below it" +
            (is_ascii ? ")" : "; other letters as clients send them, \"xn--...\")");
    return std::nullopt;
}

bool fits_route_name(std::string_view pattern, const ServerName& name) noexcept {
    if (!pattern.starts_with("*.")) return !name.empty() && name.text() == pattern;
    const std::string_view domain = pattern.substr(1); // with its dot
    return name.text().size() > domain.size() && name.text().ends_with(domain);
}

} // namespace gatehouse::host
