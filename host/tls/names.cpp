#include "tls/names.hpp"

namespace gatehouse::host {

bool TlsNames::add(std::string_view name, std::size_t index) {
    const bool is_wildcard = name.starts_with("*.");
    const ServerName normal(is_wildcard ? name.substr(2) : name);
    if (normal.empty()) return true; // too long, or no name: no client can ask for it
    return (is_wildcard ? wildcards_ : names_).emplace(normal.text(), index).second;
}

std::size_t TlsNames::find(const ServerName& asked) const noexcept {
    if (asked.empty()) return 0;
    if (const auto exact = names_.find(asked.text()); exact != names_.end()) return exact->second;
    if (asked.parent().empty()) return 0;
    const auto wildcard = wildcards_.find(asked.parent());
    return wildcard != wildcards_.end() ? wildcard->second : 0;
}

} // namespace gatehouse::host
