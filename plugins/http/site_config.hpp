// The keys of sites and of what they share, and how they are read.
#pragma once

#include "site.hpp"

#include <gatehouse/plugin.hpp>

#include <chrono>

namespace http {

inline constexpr gatehouse::Key type_keys[] = {
    gatehouse::Key::string("type", "the media type, with its parameters: `\"text/html; charset=utf-8\"`").required(),
    gatehouse::Key::string("extensions", "the extensions of such files, without the dot: `[\"html\", \"htm\"]`")
        .list()
        .required()};

inline constexpr gatehouse::Key compress_keys[] = {
    gatehouse::Key::integer("level", "from 1, the quickest, to 9, the smallest").range(lowest_level, highest_level).fallback(5),
    gatehouse::Key::bytes("smallest", "files below that are sent as they are").range(1, 16 << 20).fallback(1024),
    gatehouse::Key::bytes("largest", "and so are files above that").range(1, 16 << 20).fallback(1 << 20),
    gatehouse::Key::string("types", "media types, `\"text/*\"` for all of that kind")
        .list()
        .without("what is text, see below")};

inline constexpr gatehouse::Key cache_keys[] = {
    gatehouse::Key::string("path", "files by their path beneath the root: `\"/assets/*\"`, `\"*.css\"`, `\"/index.html\"`")
        .required(),
    gatehouse::Key::string("cache_control", "the value of the `Cache-Control` field").without("none"),
    gatehouse::Key::duration("expires", "the `Expires` field says that time after now; 0: there is none")
        .range(std::chrono::milliseconds(0), std::chrono::hours(24 * 366))
        .fallback(0)};

inline constexpr gatehouse::Key error_keys[] = {
    gatehouse::Key::integer("status", "of the answer").range(400, 599).required(),
    gatehouse::Key::string("file", "the path beneath the root of the file to send: `\"/404.html\"`").required()};

inline constexpr gatehouse::Key redirect_keys[] = {
    gatehouse::Key::string("from", "paths of requests: `\"/old\"`, `\"/old/*\"`").required(),
    gatehouse::Key::string("to", "a path or a URL, in which `*` stands for what the one of `from` does: `\"/new/*\"`")
        .required(),
    gatehouse::Key::integer("status", "301 or 308: for ever; 302, 303 or 307: for now").range(301, 308).fallback(301)};

inline constexpr gatehouse::Key auth_keys[] = {
    gatehouse::Key::path("users_file", "a line `name:hash` for each user, from `htpasswd -B` or `mkpasswd`; read at the start")
        .required(),
    gatehouse::Key::string("realm", "what browsers say to people").fallback("private"),
    gatehouse::Key::string("paths", "paths of requests: `\"/admin/*\"`").list().without("all of the site")};

// The keys that a site has, whether it is the only one or one of several.
inline constexpr gatehouse::Key root_key = gatehouse::Key::path("root", "the folder with the files; it has to exist");
inline constexpr gatehouse::Key index_key =
    gatehouse::Key::string("index", "the file to send for a folder; a plain name").fallback("index.html");
inline constexpr gatehouse::Key cache_key =
    gatehouse::Key::table("cache", "what caches may do with files; the first one that matches a file holds", cache_keys).list();
inline constexpr gatehouse::Key errors_key =
    gatehouse::Key::table("errors", "pages for errors", error_keys).list().without("a line of text");
inline constexpr gatehouse::Key fallback_key =
    gatehouse::Key::string("fallback", "the file to send (200) for paths without a file, as single-page applications want it: "
                                       "`\"/index.html\"`")
        .without("404");
inline constexpr gatehouse::Key redirects_key =
    gatehouse::Key::table("redirects", "requests that are sent elsewhere; the first one that matches holds", redirect_keys)
        .list();
inline constexpr gatehouse::Key listing_key =
    gatehouse::Key::boolean("listing", "folders without an index are answered with what is in them").fallback(false);
inline constexpr gatehouse::Key auth_key =
    gatehouse::Key::table("auth", "who may see the site, or a part of it", auth_keys).without("everybody");

inline constexpr gatehouse::Key site_keys[] = {
    gatehouse::Key::string("hosts", "its names: `\"a.example\"`, or `\"*.a.example\"` for all that end like this")
        .list()
        .required(),
    root_key.without("none, with `redirects`"),
    index_key,
    cache_key,
    errors_key,
    fallback_key,
    redirects_key,
    listing_key,
    auth_key};

// Records what is wrong with the configuration; may throw std::exception as well. [main]
Serving read_serving(const gatehouse::Init& init);

} // namespace http
