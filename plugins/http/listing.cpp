#include "listing.hpp"
#include "target.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <tuple>

namespace http {

namespace {

// How many bytes of UTF-8 `text` begins with: one character's; 0: none. RFC 3629 §4.
std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = first == 0xED && byte(1) > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first > 0xF4 || (first == 0xF4 && byte(1) > 0x8F);
    return first >= 0xF0 && !overlong && !beyond && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

// Calls put(character) for each one of a name, in UTF-8.
template <class Put>
void each_character(std::string_view name, Put put) {
    while (!name.empty()) {
        const std::size_t length = utf8_length(name);
        put(length == 0 ? std::string_view("\xEF\xBF\xBD") : name.substr(0, length));
        name.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

std::string escape_html(std::string_view text) {
    std::string escaped;
    each_character(text, [&](std::string_view c) {
        if (c == "&")
            escaped += "&amp;";
        else if (c == "<")
            escaped += "&lt;";
        else if (c == ">")
            escaped += "&gt;";
        else if (c == "\"")
            escaped += "&quot;";
        else if (c == "'")
            escaped += "&#39;";
        else
            escaped += c;
    });
    return escaped;
}

std::string quote_json(std::string_view text) {
    std::string quoted = "\"";
    each_character(text, [&](std::string_view c) {
        if (c == "\"" || c == "\\") {
            quoted.append("\\").append(c);
        } else if (static_cast<unsigned char>(c[0]) < 0x20) {
            std::array<char, 8> escape;
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c[0]));
            quoted += escape.data();
        } else {
            quoted += c;
        }
    });
    return quoted + '"';
}

std::string time_text(std::int64_t seconds, const char* format) {
    std::array<char, 64> text;
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    if (::gmtime_r(&time, &parts) == nullptr) return "";
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

} // namespace

void Listing::sort() {
    std::ranges::sort(entries, {},
                      [](const Entry& entry) { return std::tuple(!entry.is_folder, std::string_view(entry.name)); });
}

std::string listing_page(std::string_view relative, const Listing& listing) {
    const std::string title = "Index of /" + escape_html(relative) + (relative.empty() ? "" : "/");
    std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
                       title + "</title>\n</head>\n<body>\n<h1>" + title + "</h1>\n<table>\n" +
                       "<tr><th>Name</th><th>Size</th><th>Modified (UTC)</th></tr>\n";
    const auto row = [&](const std::string& link, std::string_view name, const std::string& size, const std::string& time) {
        page.append("<tr><td><a href=\"").append(link).append("\">").append(name).append("</a></td><td>");
        page.append(size).append("</td><td>").append(time).append("</td></tr>\n");
    };
    if (!relative.empty()) row("../", "../", "", "");
    for (const Listing::Entry& entry : listing.entries) {
        const std::string slash = entry.is_folder ? "/" : "";
        // "./" in front: a name may have a colon, before which a browser would see a scheme.
        row("." + escape_html(encode_path(entry.name)) + slash, escape_html(entry.name) + slash,
            entry.is_folder ? "" : std::to_string(entry.size), time_text(entry.modified, "%Y-%m-%d %H:%M"));
    }
    page += "</table>\n";
    if (!listing.complete) page += "<p>There are more; these are the first that the file system has named.</p>\n";
    return page + "</body>\n</html>\n";
}

std::string listing_json(const Listing& listing) {
    std::string json = "[";
    for (const Listing::Entry& entry : listing.entries) {
        if (json.size() > 1) json += ',';
        json += "\n{\"name\":" + quote_json(entry.name) + ",\"type\":\"" + (entry.is_folder ? "directory" : "file") + '"';
        if (!entry.is_folder) json += ",\"size\":" + std::to_string(entry.size);
        json += ",\"modified\":\"" + time_text(entry.modified, "%Y-%m-%dT%H:%M:%SZ") + "\"}";
    }
    return json + "\n]\n";
}

} // namespace http
