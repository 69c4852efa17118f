#include "content_type.hpp"
#include "target.hpp"

#include <gtest/gtest.h>

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
    EXPECT_EQ(content_type("index.html"), "text/html; charset=utf-8");
    EXPECT_EQ(content_type("a/b.tar.gz"), "application/gzip");
    EXPECT_EQ(content_type("PHOTO.JPG"), "image/jpeg");
    EXPECT_EQ(content_type("app.webmanifest"), "application/manifest+json");
    for (std::string_view name : {"README", "a.b/c", "x.", "x.unknown", "x.averyveryverylongextension", "", ".html/x"})
        EXPECT_EQ(content_type(name), "application/octet-stream") << name;
}
