#include "request_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace http;

namespace {

// The status with which the parser refuses a head; 0 if it accepts it.
int refusal(const std::string& fields, const std::string& line = "GET / HTTP/1.1") {
    Request request;
    return parse_head(line + "\r\n" + fields + "\r\n", {}, request).status;
}

Request accepted(const std::string& fields, const std::string& line = "GET / HTTP/1.1") {
    static std::vector<std::string> heads; // requests refer to their head
    heads.reserve(1000);
    heads.push_back(line + "\r\n" + fields + "\r\n");
    Request request;
    EXPECT_EQ(parse_head(heads.back(), {}, request).status, 0) << heads.back();
    return request;
}

const std::string host = "Host: a\r\n";

struct Read {
    std::vector<std::string> targets;
    int problem = 0;
    bool idle = false;
    bool operator==(const Read&) const = default;
};

// What a reader makes of bytes that come in these pieces.
Read read(const std::vector<std::string>& pieces, const Limits& limits = {}) {
    RequestReader reader;
    Read result;
    Request request;
    Problem problem;
    for (const std::string& piece : pieces) {
        const std::string copy = piece; // NOLINT(performance-unnecessary-copy-initialization): so that a reference to an
                                        // earlier piece is caught by the address sanitizer
        std::string_view input = copy;
        while (true) {
            const auto outcome = reader.next(input, limits, request, problem);
            if (outcome == RequestReader::Result::need_more) {
                EXPECT_TRUE(input.empty());
                break;
            }
            if (outcome == RequestReader::Result::problem) {
                result.problem = problem.status;
                return result;
            }
            result.targets.emplace_back(request.target);
        }
    }
    result.idle = reader.idle();
    return result;
}

// The same for every way to cut the bytes in two, and byte by byte.
Read read_every_split(const std::string& text, const Limits& limits = {}) {
    const Read whole = read({text}, limits);
    std::vector<std::string> bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        EXPECT_EQ(read({text.substr(0, i), text.substr(i)}, limits), whole) << "cut at " << i << ": " << text;
        bytes.push_back(text.substr(i, 1));
    }
    EXPECT_EQ(read(bytes, limits), whole) << "byte by byte: " << text;
    return whole;
}

std::string chunked(const std::string& body) {
    return "GET /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

} // namespace

TEST(ParseHead, TakesMethodTargetAndVersion) {
    EXPECT_EQ(accepted(host).method, Method::get);
    EXPECT_EQ(accepted(host, "HEAD / HTTP/1.1").method, Method::head);
    EXPECT_EQ(accepted(host, "POST / HTTP/1.1").method, Method::other);
    EXPECT_EQ(accepted(host, "BREW / HTTP/1.1").method, Method::unknown);
    EXPECT_EQ(accepted(host, "get / HTTP/1.1").method, Method::unknown); // methods have case
    EXPECT_EQ(accepted(host, "GET /a?b HTTP/1.1").target, "/a?b");
    EXPECT_EQ(accepted("", "GET / HTTP/1.0").version, 10);
    EXPECT_EQ(accepted(host, "GET / HTTP/1.2").version, 11);
}

TEST(ParseHead, RefusesMalformedRequestLines) {
    EXPECT_EQ(refusal(host, "GET"), 400);
    EXPECT_EQ(refusal(host, "GET /"), 400); // HTTP/0.9
    EXPECT_EQ(refusal(host, "GET  / HTTP/1.1"), 400);
    EXPECT_EQ(refusal(host, "GET /a b HTTP/1.1"), 400);
    EXPECT_EQ(refusal(host, "GET / HTTP/1.1 "), 400);
    EXPECT_EQ(refusal(host, "GET / http/1.1"), 400);
    EXPECT_EQ(refusal(host, "GET / HTTP/11"), 400);
    EXPECT_EQ(refusal(host, "G{T / HTTP/1.1"), 400);
    EXPECT_EQ(refusal(host, "GET / HTTP/2.0"), 505);
    EXPECT_EQ(refusal(host, "GET / HTTP/0.9"), 505);
}

TEST(ParseHead, NeedsExactlyOneHost) {
    EXPECT_EQ(refusal(""), 400);
    EXPECT_EQ(refusal("", "GET / HTTP/1.0"), 0);
    EXPECT_EQ(refusal("Host: a\r\nHost: a\r\n"), 400);
    EXPECT_EQ(refusal("Host: a b\r\n"), 400);
    EXPECT_EQ(refusal("Host: a/b\r\n"), 400);
    EXPECT_EQ(refusal("Host: a:b\r\n"), 400);
    EXPECT_EQ(refusal("Host: [::1\r\n"), 400);
    EXPECT_EQ(refusal("Host: :80\r\n"), 400); // no host, and yet a port
    EXPECT_EQ(refusal("Host: a:b\r\n", "GET / HTTP/1.0"), 400);
    EXPECT_EQ(refusal("Host:\r\n"), 0);
    EXPECT_EQ(refusal("Host: a:\r\n"), 0);
    EXPECT_EQ(refusal("Host: [::1]:8080\r\n"), 0);
}

TEST(ParseHead, RefusesMalformedFields) {
    EXPECT_EQ(refusal("Host : a\r\n"), 400); // a blank before the colon
    EXPECT_EQ(refusal(host + "no colon\r\n"), 400);
    EXPECT_EQ(refusal(host + ": no name\r\n"), 400);
    EXPECT_EQ(refusal(host + "X@: a\r\n"), 400);
    EXPECT_EQ(refusal(host + "X: caf\xc3\xa9\r\n"), 0);
}

TEST(ParseHead, RefusesContradictoryFraming) {
    const std::string chunks = "Transfer-Encoding: chunked\r\n";
    EXPECT_EQ(refusal(host + chunks + "Content-Length: 3\r\n"), 400);
    EXPECT_EQ(refusal(host + "Content-Length: 3\r\n" + chunks), 400);
    EXPECT_EQ(refusal(host + "Content-Length: 3\r\nContent-Length: 4\r\n"), 400);
    EXPECT_EQ(refusal(host + "Content-Length: 3\r\nContent-Length: 3\r\n"), 400);
    EXPECT_EQ(refusal(host + "Content-Length: 3, 3\r\n"), 400);
    EXPECT_EQ(refusal(host + chunks + chunks), 400);
    EXPECT_EQ(refusal(host + "Transfer-Encoding: gzip, chunked\r\n"), 501);
    EXPECT_EQ(refusal(host + "Transfer-Encoding: gzip;q=\"a, chunked\" , , chunked\r\n"), 501);
    // RFC 9112 §6.3: unless "chunked" is the last coding, nobody knows where the body ends.
    for (const char* codings :
         {"chunked, gzip", "chunked, identity", "chunked, chunked", "identity", "gzip", "xchunked", "", ",", "\"chunked\"",
          "chunked;a=b", "chunked;", "gzip;a, chunked", "gzip a, chunked", "chunked\t a"})
        EXPECT_EQ(refusal(host + "Transfer-Encoding: " + codings + "\r\n"), 400) << codings;
    EXPECT_EQ(refusal(host + "Transfer-Encoding: identity\r\nContent-Length: 3\r\n"), 400);
    EXPECT_EQ(refusal(host + chunks + "Transfer-Encoding: identity\r\n"), 400);
    EXPECT_EQ(refusal(host + chunks, "GET / HTTP/1.0"), 400);
    EXPECT_EQ(refusal(host + "Transfer-Encoding : chunked\r\n"), 400);
    EXPECT_EQ(refusal(host + "Transfer-Encoding: Chunked\r\n"), 0);
}

TEST(ParseHead, RefusesLengthsThatAreNoNumbersOrTooLarge) {
    const auto length = [](const std::string& value) { return refusal(host + "Content-Length: " + value + "\r\n"); };
    EXPECT_EQ(length("0"), 0);
    EXPECT_EQ(length("65536"), 0);
    EXPECT_EQ(length("65537"), 413);
    for (const char* value : {"2147483647", "2147483648", "4294967295", "4294967296", "4294967297", "9223372036854775807",
                              "9223372036854775808", "18446744073709551615"})
        EXPECT_EQ(length(value), 413) << value;
    for (const char* value : {"18446744073709551616", "18446744073709551617", "99999999999999999999999999", "-1", "+1", "0x10",
                              "1e3", "1 2", "", "a", "1,", ",", "1.0"})
        EXPECT_EQ(length(value), 400) << value;
}

TEST(ParseHead, KnowsWhetherTheConnectionStaysOpen) {
    EXPECT_TRUE(accepted(host).keep_alive);
    EXPECT_FALSE(accepted(host + "Connection: close\r\n").keep_alive);
    EXPECT_FALSE(accepted(host + "Connection: keep-alive, Close\r\n").keep_alive);
    EXPECT_FALSE(accepted("", "GET / HTTP/1.0").keep_alive);
    EXPECT_TRUE(accepted("Connection: Keep-Alive\r\n", "GET / HTTP/1.0").keep_alive);
    EXPECT_TRUE(accepted("Connection: te, ,keep-alive\r\n", "GET / HTTP/1.0").keep_alive);
    EXPECT_FALSE(accepted("Connection: close, keep-alive\r\n", "GET / HTTP/1.0").keep_alive);
    EXPECT_FALSE(accepted("Connection: keep-alive\r\nConnection: close\r\n", "GET / HTTP/1.0").keep_alive);
    EXPECT_FALSE(accepted("Proxy-Connection: keep-alive\r\n", "GET / HTTP/1.0").keep_alive);
    EXPECT_TRUE(accepted(host + "Proxy-Connection: close\r\n").keep_alive); // not a field of HTTP
    EXPECT_TRUE(accepted(host + "Proxy-Connection: \"@\"\r\n").keep_alive);
    EXPECT_TRUE(accepted(host + "Connection:\r\n").keep_alive);
    EXPECT_EQ(refusal(host + "Connection: \"close\"\r\n"), 400);
    EXPECT_EQ(refusal(host + "Connection: keep alive\r\n"), 400);
}

TEST(ParseHead, KnowsExpectations) {
    EXPECT_TRUE(accepted(host + "Expect: 100-Continue\r\n").expects_continue);
    EXPECT_TRUE(accepted(host + "Expect: 100-continue, ,100-continue\r\n").expects_continue);
    EXPECT_FALSE(accepted(host + "Expect:\r\n").expects_continue);
    EXPECT_EQ(refusal(host + "Expect: the-unexpected\r\n"), 417);
    EXPECT_EQ(refusal(host + "Expect: 100-continue, more\r\n"), 417);
    EXPECT_FALSE(accepted("Expect: 100-continue\r\n", "GET / HTTP/1.0").expects_continue);
}

TEST(ParseHead, KnowsWhatMayBecomeAHead) {
    for (const char* text : {"", "\r\n", "H", "HEA", "HEAD", "\r\nHEAD", "HEAD ", "HEAD / HTTP/1.1\r\n", "HEAD\t", "HEAD\r\n"})
        EXPECT_TRUE(may_be_head(text)) << text;
    for (const char* text : {"G", "GET /", "HEADS", "HEADS / HTTP/1.1", "head /", "X", " HEAD"})
        EXPECT_FALSE(may_be_head(text)) << text;
}

TEST(ParseHead, JoinsRepeatedFields) {
    EXPECT_EQ(accepted(host + "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n").if_none_match, "\"a\", \"b\"");
    EXPECT_EQ(accepted(host).if_none_match, std::nullopt);
}

TEST(RequestReader, TakesPipelinedRequestsInOrder) {
    const std::string a = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string b = "\r\nGET /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345";
    const std::string c = chunked("3;x=\"y\"\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nContent-Length: 7\r\nX: y\r\n\r\n");
    EXPECT_EQ(read_every_split(a + b + c + a), (Read{{"/a", "/b", "/c", "/a"}, 0, true}));
    EXPECT_EQ(read({a, a.substr(0, 5)}), (Read{{"/a"}, 0, false}));
    EXPECT_EQ(read({a + b.substr(0, b.size() - 1)}), (Read{{"/a"}, 0, false}));
}

TEST(RequestReader, RefusesWrongChunks) {
    for (const char* body : {"x\r\n",
                             "-1\r\n",
                             "3\nabc\r\n0\r\n\r\n",
                             "3\r\nabcd\r\n0\r\n\r\n",
                             "3\r\nabc0\r\n\r\n",
                             "3 x\r\nabc\r\n0\r\n\r\n",
                             "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n",
                             "3\rabc\r\n",
                             "0\r\nno colon\r\n\r\n",
                             "0\r\nX: y\r\n z\r\n\r\n",
                             "0\r\n: y\r\n\r\n",
                             "0\r\nX: y\n\r\n",
                             "0\r\n\n",
                             "\r\n",
                             "3 \r\n",
                             ";x\r\n",
                             "0;\x01\r\n\r\n",
                             "0\r\nX : y\r\n\r\n",
                             "0\r\nX@: y\r\n\r\n",
                             "0;\r\n\r\n",
                             "0;a=\r\n\r\n",
                             "0;=b\r\n\r\n",
                             "0;a b\r\n\r\n",
                             "0;a=b c\r\n\r\n",
                             "0;a \r\n\r\n",
                             "0;a=b \r\n\r\n",
                             "0;a=\"b\r\n\r\n",
                             "0;a=\"b\\\"\r\n\r\n",
                             "0;a=\"b\"c\r\n\r\n",
                             "0;a=b;\r\n\r\n",
                             "0;a=\x01\r\n\r\n",
                             "0;a=\"\x7f\"\r\n\r\n",
                             "0 ;a\r\n\r\n"})
        EXPECT_EQ(read_every_split(chunked(body)), (Read{{}, 400, false})) << body;
    for (const char* body : {"10001\r\n", "ffffffff\r\n", "100000000\r\n", "7fffffffffffffff\r\n", "ffffffffffffffff\r\n",
                             "10000000000000000\r\n", "0000000000000000ffffffffffffffffffffffffffffffff\r\n"})
        EXPECT_EQ(read_every_split(chunked(body)), (Read{{}, 413, false})) << body;
}

TEST(RequestReader, TakesEveryExtensionAndTrailer) {
    for (const char* body : {"0;a\r\n\r\n", "0;a=b\r\n\r\n", "0;a=\"\"\r\n\r\n", "0;a=\"b;\\\"\xe4 \"\r\n\r\n",
                             "0; a = b ; c\t=\t\"d\" ;e\r\n\r\n", "3;a=1;b\r\nabc\r\n00;c\r\n\r\n",
                             "0\r\nX:\r\nY: \"z\" \xe4\r\n\r\n", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"})
        EXPECT_EQ(read_every_split(chunked(body)), (Read{{"/c"}, 0, true})) << body;
}

TEST(RequestReader, HoldsTheBodyLimitExactly) {
    Limits limits;
    limits.max_body = 16; // the first below: 11 bytes for the chunk and 5 for the last one
    EXPECT_EQ(read_every_split(chunked("6\r\nabcdef\r\n0\r\n\r\n"), limits), (Read{{"/c"}, 0, true}));
    EXPECT_EQ(read_every_split(chunked("6\r\nabcdef\r\n1\r\na\r\n0\r\n\r\n"), limits).problem, 413);
    const auto sized = [](std::size_t size) {
        return "GET /s HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    };
    EXPECT_EQ(read_every_split(sized(16), limits), (Read{{"/s"}, 0, true}));
    EXPECT_EQ(read_every_split(sized(17), limits).problem, 413);
}

TEST(RequestReader, FramingCountsAsBody) {
    Limits limits;
    limits.max_body = 300;
    EXPECT_EQ(read_every_split(chunked("1;" + std::string(400, 'x')), limits).problem, 413);
    EXPECT_EQ(read_every_split(chunked(std::string(400, '0')), limits).problem, 413);
    EXPECT_EQ(read_every_split(chunked("0\r\nX: " + std::string(400, 'x')), limits).problem, 413);
}

TEST(RequestReader, RefusesBodiesOfMethodsThatAreNotServed) {
    EXPECT_EQ(read({"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"}).problem, 405);
    EXPECT_EQ(read({"BREW / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"}).problem, 501);
    // What is wrong with the method counts before what is wrong with the body, unless its framing cannot be trusted.
    for (const char* fields : {"Content-Length: 65537", "Content-Length: 18446744073709551615", "Transfer-Encoding: chunked",
                               "Transfer-Encoding: gzip, chunked", "Content-Length: 65537\r\nExpect: x"})
        EXPECT_EQ(read({"POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n"}).problem, 405) << fields;
    EXPECT_EQ(read({"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"}).problem, 400);
}

TEST(RequestReader, AsksForTheBodyOnce) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    RequestReader reader;
    Request request;
    Problem problem;
    std::string_view input = head;
    EXPECT_EQ(reader.next(input, {}, request, problem), RequestReader::Result::need_more);
    EXPECT_TRUE(reader.take_continue());
    EXPECT_FALSE(reader.take_continue());
    EXPECT_TRUE(reader.in_body());
    input = "ab";
    EXPECT_EQ(reader.next(input, {}, request, problem), RequestReader::Result::request);

    RequestReader eager; // the body is there already
    const std::string both = head + "a";
    input = both;
    EXPECT_EQ(eager.next(input, {}, request, problem), RequestReader::Result::need_more);
    EXPECT_FALSE(eager.take_continue());
}

TEST(RequestReader, HoldsNothingBetweenRequests) {
    static_assert(sizeof(RequestReader) == sizeof(void*));
    EXPECT_TRUE(read({"GET / HTTP/1.1\r\n", "Host: a\r\n\r\n"}).idle);
}
