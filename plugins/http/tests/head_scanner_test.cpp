#include "head_scanner.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace http;
using Result = HeadScanner::Result;

namespace {

struct Scanned {
    Result result;
    std::size_t begin;
    std::size_t end;
    bool operator==(const Scanned&) const = default;
};

// Scans the text whole and byte by byte, which must give the same.
Scanned scan(const std::string& text, const Limits& limits = {}) {
    HeadScanner whole;
    const Scanned scanned{whole.scan(text, limits), whole.begin(), whole.end()};
    HeadScanner dripped;
    Result result = Result::need_more;
    for (std::size_t size = 1; size <= text.size() && result == Result::need_more; ++size)
        result = dripped.scan(std::string_view(text).substr(0, size), limits);
    EXPECT_EQ(scanned, (Scanned{result, dripped.begin(), dripped.end()})) << text;
    return scanned;
}

} // namespace

TEST(HeadScanner, FindsTheEnd) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(scan(head), (Scanned{Result::complete, 0, head.size()}));
    EXPECT_EQ(scan(head + "GET /next"), (Scanned{Result::complete, 0, head.size()}));
    EXPECT_EQ(scan(head.substr(0, head.size() - 1)).result, Result::need_more);
    EXPECT_EQ(scan("GET / HTTP/1.0\r\n\r\n").result, Result::complete);
}

TEST(HeadScanner, SkipsOneEmptyLineBeforeTheRequest) {
    const std::string head = "GET / HTTP/1.0\r\n\r\n";
    EXPECT_EQ(scan("\r\n" + head), (Scanned{Result::complete, 2, head.size() + 2}));
    EXPECT_EQ(scan("\r\n\r\n" + head).result, Result::malformed);
}

TEST(HeadScanner, RefusesWhatReadersDisagreeAbout) {
    for (const std::string& text : {
             std::string("GET / HTTP/1.1\nHost: a\r\n\r\n"),         // bare LF after the request line
             std::string("GET / HTTP/1.1\r\nHost: a\n\r\n"),         // ... after a field
             std::string("GET / HTTP/1.1\r\nHost: a\r\n\n"),         // ... as the empty line
             std::string("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), // bare CR
             std::string("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),     // CR CR LF
             std::string("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n"),    // folded with a blank
             std::string("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n"),   // folded with a tab
             std::string("GET / HTTP/1.1\r\n Host: a\r\n\r\n"),      // blank before the first field
             std::string(" GET / HTTP/1.1\r\n\r\n"),                 // blank before the request
             std::string("\nGET / HTTP/1.1\r\n\r\n"),                // LF before the request
             std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26),   // NUL
             std::string("GET / HTTP/1.1\r\nX: a\x0b"
                         "b\r\n\r\n"),                                   // vertical tab
             std::string("GET / HTTP/1.1\r\nX: a\x7f\r\n\r\n"),          // DEL
             std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 10) // a TLS client hello
         })
        EXPECT_EQ(scan(text).result, Result::malformed) << text;
}

TEST(HeadScanner, HoldsTheHeaderLimitExactly) {
    Limits limits;
    const auto head_of = [](std::size_t size) {
        const std::string start = "GET / HTTP/1.0\r\nX: ";
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    limits.max_header = 300;
    limits.max_target = 200;
    EXPECT_EQ(scan(head_of(300), limits).result, Result::complete);
    EXPECT_EQ(scan(head_of(301), limits).result, Result::head_too_long);
    EXPECT_EQ(scan(head_of(300) + "more", limits).result, Result::complete);
    EXPECT_EQ(scan(std::string(300, 'x'), limits).result, Result::need_more);
    EXPECT_EQ(scan(std::string(301, 'x'), limits).result, Result::head_too_long);
}

TEST(HeadScanner, HoldsTheTargetLimitExactly) {
    Limits limits;
    limits.max_target = 10;
    EXPECT_EQ(scan("GET /123456789 HTTP/1.0\r\n\r\n", limits).result, Result::complete);
    EXPECT_EQ(scan("GET /1234567890 HTTP/1.0\r\n\r\n", limits).result, Result::target_too_long);
    EXPECT_EQ(scan("GET /1234567890", limits).result, Result::target_too_long);
    EXPECT_EQ(scan("AVERYLONGMETHOD / HTTP/1.0\r\nA-Long-Field: and its value\r\n\r\n", limits).result, Result::complete);
}
