#include "site.hpp"
#include "grammar.hpp"
#include "target.hpp"

#include <algorithm>

namespace http {

namespace {

// A host as it is compared: in lower case, without the dot of the DNS' root.
std::string normal_host(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string name(host);
    std::ranges::transform(name, name.begin(), lower);
    return name;
}

bool is_url(std::string_view text) noexcept { return text.starts_with("http://") || text.starts_with("https://"); }

} // namespace

bool is_redirect_target(std::string_view text) noexcept {
    const bool visible = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!visible || std::ranges::count(text, '*') > 1) return false;
    if (!is_url(text)) return text.starts_with('/') && !text.starts_with("//");
    const std::size_t slash = text.find('/', text.find("//") + 2);
    return !host_of_target(text).empty() && (text.find('*') == std::string_view::npos || slash < text.find('*'));
}

std::optional<Site::Elsewhere> Site::elsewhere(std::string_view path, std::string_view query) const {
    for (const Redirect& redirect : redirects) {
        const auto rest = redirect.from.match(path);
        if (!rest) continue;
        std::string location = redirect.to;
        if (const std::size_t star = location.find('*'); star != std::string::npos)
            location.replace(star, 1, encode_path(*rest).substr(1));
        // "//host" would be another host's.
        if (location.starts_with('/')) location.erase(1, location.find_first_not_of('/', 1) - 1);
        const std::size_t fragment = std::min(location.find('#'), location.size());
        if (location.find('?') >= fragment) location.insert(fragment, query);
        return Elsewhere{std::move(location), redirect.status};
    }
    return std::nullopt;
}

bool Sites::add_name(std::string_view name, const Site& site) {
    if (name.starts_with('*')) name.remove_prefix(1);
    return names_.emplace(normal_host(name), &site).second;
}

const Site* Sites::find(const Request& request) const {
    if (names_.empty()) return default_.get();
    const std::string_view of_target = host_of_target(request.target); // RFC 9112 §3.2.2: it goes before the field
    const std::string host = normal_host(of_target.empty() ? without_port(request.host) : of_target);
    if (const auto found = names_.find(host); found != names_.end()) return found->second;
    for (std::size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
        if (const auto found = names_.find(std::string_view(host).substr(dot)); found != names_.end()) return found->second;
    return default_.get();
}

} // namespace http
