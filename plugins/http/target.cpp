#include "target.hpp"
#include "grammar.hpp"

#include <algorithm>

namespace http {

namespace {

// Appends the decoded segment; false if no file can have this name.
bool decode(std::string_view segment, std::string& to) {
    for (std::size_t i = 0; i < segment.size(); ++i) {
        char c = segment[i];
        if (c == '%') {
            if (segment.size() - i < 3) return false;
            const int high = hex_digit(segment[i + 1]);
            const int low = hex_digit(segment[i + 2]);
            if (high < 0 || low < 0) return false;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || c == '/') return false;
        to.push_back(c);
    }
    return true;
}

// The absolute form, "http://authority/path?query".
struct Absolute {
    std::string_view authority;
    std::string_view path; // and query; empty if there is neither
};

// Nothing if it is not that. RFC 9110 §4.2: the host must not be empty, and a userinfo is an error.
std::optional<Absolute> parse_absolute(std::string_view target) noexcept {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
        target.remove_prefix(scheme.size());
        const std::size_t end = std::min(target.find_first_of("/?"), target.size());
        const std::string_view authority = target.substr(0, end);
        if (authority.empty() || authority.starts_with(':') || !is_authority(authority)) return std::nullopt;
        return Absolute{authority, target.substr(end)};
    }
    return std::nullopt;
}

} // namespace

std::optional<Path> parse_target(std::string_view target) {
    if (!target.starts_with('/')) {
        const auto absolute = parse_absolute(target);
        if (!absolute) return std::nullopt;
        target = absolute->path.empty() ? "/" : absolute->path;
    }
    if (target.find('#') != std::string_view::npos) return std::nullopt;

    Path path;
    if (const std::size_t question = target.find('?'); question != std::string_view::npos) {
        path.query = target.substr(question);
        target = target.substr(0, question);
    }
    path.directory = true;
    while (!target.empty()) {
        target.remove_prefix(1); // the slash
        const std::string_view segment = target.substr(0, target.find('/'));
        target.remove_prefix(segment.size());

        const std::size_t before = path.relative.size();
        if (before > 0 && !segment.empty()) path.relative.push_back('/');
        const std::size_t start = path.relative.size();
        if (!decode(segment, path.relative)) return std::nullopt;
        const std::string_view name = std::string_view(path.relative).substr(start);
        path.directory = name.empty() || name == "." || name == "..";
        if (!path.directory) continue;
        if (name == "..") {
            if (before == 0) return std::nullopt;
            const std::size_t slash = path.relative.rfind('/', before - 1);
            path.relative.resize(slash == std::string::npos ? 0 : slash);
        } else {
            path.relative.resize(before);
        }
    }
    return path;
}

std::string_view host_of_target(std::string_view target) noexcept {
    const auto absolute = parse_absolute(target);
    return absolute ? without_port(absolute->authority) : "";
}

std::string_view without_port(std::string_view authority) noexcept {
    const std::size_t colon = authority.rfind(':');
    const std::size_t bracket = authority.rfind(']');
    const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
    return has_port ? authority.substr(0, colon) : authority;
}

bool is_hidden(std::string_view relative) noexcept {
    if (relative == ".well-known" || relative.starts_with(".well-known/"))
        relative.remove_prefix(std::string_view(".well-known").size());
    return relative.starts_with('.') || relative.find("/.") != std::string_view::npos;
}

std::string encode_path(std::string_view relative) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text = "/";
    for (const char c : relative) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~!$&'()*+,;=:@/").find(c) != std::string_view::npos;
        if (plain) {
            text.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            text.push_back('%');
            text.push_back(digits[byte >> 4]);
            text.push_back(digits[byte & 15]);
        }
    }
    return text;
}

} // namespace http
