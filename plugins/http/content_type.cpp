#include "content_type.hpp"
#include "grammar.hpp"

#include <algorithm>
#include <array>

namespace http {

namespace {

struct Entry {
    std::string_view extension;
    std::string_view type;
};

// Where the table of the system has none, or one that the web does not use.
constexpr std::array web = std::to_array<Entry>({
    {"bz2", "application/x-bzip2"}, {"c", "text/plain"},         {"cc", "text/plain"},
    {"cfg", "text/plain"},          {"cjs", "text/javascript"},  {"conf", "text/plain"},
    {"cpp", "text/plain"},          {"go", "text/plain"},        {"h", "text/plain"},
    {"hpp", "text/plain"},          {"ini", "text/plain"},       {"iso", "application/octet-stream"},
    {"log", "text/plain"},          {"map", "application/json"}, {"mid", "audio/midi"},
    {"mkv", "video/matroska"},      {"rs", "text/plain"},        {"rss", "application/rss+xml"},
    {"toml", "application/toml"},   {"ts", "video/mp2t"},        {"wav", "audio/wav"},
    {"weba", "audio/webm"},         {"xml", "text/xml"},         {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
});

// /etc/mime.types of the system that has built this; see CMakeLists.txt.
constexpr Entry system_types[] = {
#include "mime_types.inc"
};

} // namespace

ContentTypes::ContentTypes(std::span<const Rule> rules, std::string other, std::string_view charset)
    : other_(std::move(other)) {
    for (const Rule& rule : rules)
        for (const std::string& extension : rule.extensions) add(extension, rule.type, charset);
    for (const Entry& entry : web) add(entry.extension, entry.type, charset);
    for (const Entry& entry : system_types) add(entry.extension, entry.type, charset);
}

void ContentTypes::add(std::string_view extension, std::string_view type, std::string_view charset) {
    std::string key(extension);
    std::ranges::transform(key, key.begin(), lower);
    const auto [entry, is_new] = types_.emplace(std::move(key), type);
    if (!is_new) return;
    if (!charset.empty() && type.starts_with("text/") && type.find(';') == std::string_view::npos)
        entry->second.append("; charset=").append(charset);
}

std::string_view ContentTypes::of(std::string_view file_name) const noexcept {
    const std::string_view name = file_name.substr(file_name.find_last_of('/') + 1);
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return other_;
    const std::string_view extension = name.substr(dot + 1);
    if (extension.size() > longest_extension) return other_;
    std::array<char, longest_extension> buffer;
    std::ranges::transform(extension, buffer.begin(), lower);
    const auto found = types_.find(std::string_view(buffer.data(), extension.size()));
    return found == types_.end() ? other_ : std::string_view(found->second);
}

} // namespace http
