#include "path_pattern.hpp"

namespace http {

std::optional<PathPattern> PathPattern::parse(std::string_view text) {
    if (!text.starts_with('/') && !text.starts_with('*')) return std::nullopt;
    PathPattern pattern;
    const std::size_t star = text.find('*');
    pattern.before_ = text.substr(0, star);
    if (star == std::string_view::npos) return pattern;
    pattern.after_ = text.substr(star + 1);
    if (pattern.after_->find('*') != std::string::npos) return std::nullopt;
    return pattern;
}

std::optional<std::string_view> PathPattern::match(std::string_view path) const noexcept {
    if (!after_) return path == before_ ? std::optional<std::string_view>("") : std::nullopt;
    if (path.size() < before_.size() + after_->size() || !path.starts_with(before_) || !path.ends_with(*after_))
        return std::nullopt;
    return path.substr(before_.size(), path.size() - before_.size() - after_->size());
}

} // namespace http
