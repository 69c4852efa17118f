#include "tls/names.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {

std::size_t TlsNames::find(std::string_view asked) const {
    std::array<char, 256> lower; // NOLINT(*-member-init): filled as far as it is looked at
    if (asked.empty() || asked.size() >= lower.size()) return 0;
    std::transform(asked.begin(), asked.end(), lower.begin() + 1,
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const std::string_view name(lower.data() + 1, asked.size());
    if (const auto exact = names_.find(name); exact != names_.end()) return exact->second;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || dot == 0) return 0;
    lower[dot] = '*';
    const auto wildcard = names_.find(std::string_view(lower.data() + dot, asked.size() - dot + 1));
    return wildcard != names_.end() ? wildcard->second : 0;
}

} // namespace gatehouse::host
