#include "content_type.hpp"
#include "target.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>
#include <vector>

using namespace http;

namespace {

// "relative" or "relative/" for a directory; "refused".
std::string path_of(std::string_view target) {
    const auto path = parse_target(target);
    return path ? path->relative + (path->directory ? "/" : "") : "refused";
}

} // namespace

TEST(Target, IsDecodedAndNormalised) {
    EXPECT_EQ(path_of("/"), "/");
    EXPECT_EQ(path_of("/a/b.txt"), "a/b.txt");
    EXPECT_EQ(path_of("/a/b/"), "a/b/");
    EXPECT_EQ(path_of("//a///b"), "a/b");
    EXPECT_EQ(path_of("/a/./b"), "a/b");
    EXPECT_EQ(path_of("/a/."), "a/");
    EXPECT_EQ(path_of("/a/../b"), "b");
    EXPECT_EQ(path_of("/a/b/.."), "a/");
    EXPECT_EQ(path_of("/a/b/../../c"), "c");
    EXPECT_EQ(path_of("/a/.."), "/");
    EXPECT_EQ(path_of("/%61%2E%2e"), "a..");
    EXPECT_EQ(path_of("/a%20b%C3%A4"), "a b\xc3\xa4");
    EXPECT_EQ(path_of("/..."), "...");
    EXPECT_EQ(path_of("/a\\..\\b"), "a\\..\\b");   // a file name like any other
    EXPECT_EQ(path_of("/%252e%252e/"), "%2e%2e/"); // decoded once
}

TEST(Target, NeverClimbsAboveTheRoot) {
    for (std::string_view target : {"/..", "/../", "/../etc/passwd", "/a/../../b", "/%2e%2e/secret", "/%2E./x",
                                    "/a/%2e%2e/%2e%2e/b", "//../x", "/./../x"})
        EXPECT_EQ(path_of(target), "refused") << target;
}

TEST(Target, RefusesWhatNoFileCanBeCalled) {
    for (std::string_view target : {"/%00", "/a%00.txt", "/a%2fb", "/..%2f..%2fetc", "/%", "/%4", "/%zz", "/%4g", "/a#b"})
        EXPECT_EQ(path_of(target), "refused") << target;
}

TEST(Target, MayBeAbsolute) {
    EXPECT_EQ(path_of("http://example.org/a"), "a");
    EXPECT_EQ(path_of("HTTPS://example.org/a/"), "a/");
    EXPECT_EQ(path_of("http://example.org"), "/");
    EXPECT_EQ(path_of("http://example.org?q"), "/");
    EXPECT_EQ(path_of("http://[::1]:8080/a"), "a");
    for (std::string_view target :
         {"*", "example.org:80", "ftp://example.org/", "a", "?q", "http:/x", "http:///t", "http://", "http://?q", "http://:80/",
          "http://a:b/", "http://[::1/", "http://user@a/", "http://user:password@a/", "http://a b/", "https:///t"})
        EXPECT_EQ(path_of(target), "refused") << target;
}

TEST(Target, KeepsTheQueryAsItIs) {
    EXPECT_EQ(parse_target("/a?b=/../%00?")->query, "?b=/../%00?");
    EXPECT_EQ(parse_target("/a")->query, "");
    EXPECT_EQ(parse_target("http://example.org?q")->query, "?q");
}

TEST(Target, HiddenFilesStartWithADot) {
    for (std::string_view path : {".git", ".git/config", "a/.b", "a/.b/c", ".well-knownx", ".well-known/.x", "a/.well-known/x"})
        EXPECT_TRUE(is_hidden(path)) << path;
    for (std::string_view path : {"", "a", "a.b", "a/b.c", ".well-known", ".well-known/acme-challenge/x"})
        EXPECT_FALSE(is_hidden(path)) << path;
}

TEST(Target, IsEncodedForALocation) {
    EXPECT_EQ(encode_path("a b/c\xc3\xa4?#%\"\r\n"), "/a%20b/c%C3%A4%3F%23%25%22%0D%0A");
    EXPECT_EQ(encode_path(""), "/");
}

TEST(ContentType, GoesByTheExtension) {
    const ContentTypes types({}, "application/octet-stream", "");
    for (const auto& [name, type] :
         std::initializer_list<std::pair<const char*, const char*>>{{"index.html", "text/html"},
                                                                    {"a.xhtml", "application/xhtml+xml"},
                                                                    {"a.xml", "text/xml"},
                                                                    {"a/b.tar.gz", "application/gzip"},
                                                                    {"PHOTO.JPG", "image/jpeg"},
                                                                    {"app.webmanifest", "application/manifest+json"},
                                                                    {"a.css", "text/css"},
                                                                    {"a.js", "text/javascript"},
                                                                    {"a.mjs", "text/javascript"},
                                                                    {"a.json", "application/json"},
                                                                    {"a.wasm", "application/wasm"},
                                                                    {"a.woff2", "font/woff2"},
                                                                    {"a.svg", "image/svg+xml"},
                                                                    {"a.avif", "image/avif"},
                                                                    {"a.ico", "image/vnd.microsoft.icon"},
                                                                    {"a.mp4", "video/mp4"},
                                                                    {"a.epub", "application/epub+zip"},
                                                                    {"a.ts", "video/mp2t"},
                                                                    {"a.glb", "model/gltf-binary"},
                                                                    {"a.pdf", "application/pdf"}})
        EXPECT_EQ(types.of(name), type) << name;
    for (std::string_view name :
         {"README", "a.b/c", "x.", "x.unknown", "x.averyveryverylongextensionofmorethanthat", "", ".html/x", "x.h\xc3\xa4"})
        EXPECT_EQ(types.of(name), "application/octet-stream") << name;
}

TEST(ContentType, CanBeConfigured) {
    const std::vector<ContentTypes::Rule> rules{{"text/plain; charset=iso-8859-1", {"TXT", "md"}},
                                                {"text/x-own", {"own", "html"}}};
    const ContentTypes types(rules, "text/plain", "utf-8");
    EXPECT_EQ(types.of("a.txt"), "text/plain; charset=iso-8859-1");
    EXPECT_EQ(types.of("a.Md"), "text/plain; charset=iso-8859-1");
    EXPECT_EQ(types.of("a.html"), "text/x-own; charset=utf-8");
    EXPECT_EQ(types.of("a.css"), "text/css; charset=utf-8");
    EXPECT_EQ(types.of("a.svg"), "image/svg+xml");
    EXPECT_EQ(types.of("a"), "text/plain");
}
