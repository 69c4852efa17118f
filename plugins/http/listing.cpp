#include "listing.hpp"
#include "escape.hpp"
#include "target.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <tuple>

namespace http {

namespace {

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
