#include "net/server_name.hpp"

#include "base/ascii.hpp"

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

bool fits_route_name(std::string_view pattern, const ServerName& name) noexcept {
    if (!pattern.starts_with("*.")) return !name.empty() && name.text() == pattern;
    const std::string_view domain = pattern.substr(1); // with its dot
    return name.text().size() > domain.size() && name.text().ends_with(domain);
}

} // namespace gatehouse::host
