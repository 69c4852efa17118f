#include "login.hpp"
#include "grammar.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace http {

namespace {

int base64_digit(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

// RFC 4648 §4; the padding may be left out.
std::optional<std::string> decode_base64(std::string_view text) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string decoded;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0) return std::nullopt;
        bits = bits << 6U | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        decoded.push_back(static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU));
    }
    return decoded;
}

} // namespace

std::optional<Credentials> parse_basic(std::string_view authorization) {
    constexpr std::string_view scheme = "Basic ";
    if (!equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return std::nullopt;
    const auto text = decode_base64(trim(authorization.substr(scheme.size())));
    const std::size_t colon = text ? text->find(':') : std::string::npos;
    if (colon == std::string::npos) return std::nullopt;
    return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

Login::Login(passwords::Users users, const std::string& realm, std::vector<PathPattern> paths)
    : users_(std::move(users)), paths_(std::move(paths)), challenge_("Basic realm=\"" + realm + "\", charset=\"UTF-8\"") {}

bool Login::guards(std::string_view path) const noexcept {
    return paths_.empty() ||
           std::ranges::any_of(paths_, [&](const PathPattern& guarded) { return guarded.match(path).has_value(); });
}

bool Login::was_right(const Credentials& credentials) const {
    const std::lock_guard lock(mutex_);
    const auto found = right_.find(credentials.name);
    return found != right_.end() && passwords::equal(credentials.password, found->second);
}

bool Login::computes(const Credentials& credentials) const {
    return users_.computes(credentials.name) && !was_right(credentials);
}

bool Login::verify(const Credentials& credentials) const {
    if (was_right(credentials)) return true;
    if (!users_.verify(credentials.name, credentials.password)) return false;
    const std::lock_guard lock(mutex_);
    right_.insert_or_assign(credentials.name, credentials.password); // one for each user
    return true;
}

} // namespace http
