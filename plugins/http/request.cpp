#include "request.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

#include <algorithm>
#include <limits>

namespace http {

namespace {

namespace beast = boost::beast;
using beast::error_code;
using Field = beast::http::field;

std::string_view view(beast::string_view text) noexcept { return {text.data(), text.size()}; }

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

void join(std::optional<std::string>& list, std::string_view value) {
    if (list)
        list->append(", ").append(value);
    else
        list.emplace(value);
}

// uri-host [ ":" port ] of RFC 9110 §7.2, by its characters: this plugin serves every host the same files.
bool is_host(std::string_view value) noexcept {
    return std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~!$&'()*+,;=%:[]").find(c) != std::string_view::npos;
    });
}

Method method_of(beast::http::verb verb) noexcept {
    switch (verb) {
    case beast::http::verb::get:
        return Method::get;
    case beast::http::verb::head:
        return Method::head;
    case beast::http::verb::unknown:
        return Method::unknown;
    default:
        return Method::other;
    }
}

class HeadParser : public beast::http::basic_parser<true> {
  public:
    explicit HeadParser(const Limits& limits, Request& request) : request_(request) {
        header_limit(std::numeric_limits<std::uint32_t>::max()); // HeadScanner has checked the size
        body_limit(limits.max_body);
    }

    std::size_t hosts = 0;
    bool host_is_valid = true;
    std::optional<std::string> transfer_encoding;
    std::optional<std::string> content_lengths;
    std::optional<std::string> expect;

  private:
    void on_request_impl(beast::http::verb verb, beast::string_view, beast::string_view target, int version,
                         error_code&) override {
        request_.method = method_of(verb);
        request_.target = view(target);
        request_.version = version;
    }

    void on_field_impl(Field field, beast::string_view, beast::string_view text, error_code&) override {
        const std::string_view value = view(text);
        switch (field) {
        case Field::host:
            ++hosts;
            host_is_valid = is_host(value);
            break;
        case Field::transfer_encoding:
            join(transfer_encoding, value);
            break;
        case Field::content_length:
            join(content_lengths, value);
            break;
        case Field::expect:
            join(expect, value);
            break;
        case Field::range:
            join(request_.range, value);
            break;
        case Field::if_range:
            join(request_.if_range, value);
            break;
        case Field::if_match:
            join(request_.if_match, value);
            break;
        case Field::if_none_match:
            join(request_.if_none_match, value);
            break;
        case Field::if_modified_since:
            join(request_.if_modified_since, value);
            break;
        case Field::if_unmodified_since:
            join(request_.if_unmodified_since, value);
            break;
        default:
            break;
        }
    }

    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override { return body.size(); }
    void on_finish_impl(error_code&) override {}
    void on_response_impl(int, beast::string_view, int, error_code&) override {}

    Request& request_;
};

Problem bad_request(std::string_view detail) { return {400, detail}; }

Problem problem_of(const error_code& code) {
    using beast::http::error;
    if (code == error::body_limit) return {413, "The request's body is too large."};
    if (code == error::bad_method) return bad_request("The request line has no valid method.");
    if (code == error::bad_target) return bad_request("The request line has no valid target.");
    if (code == error::bad_version) return bad_request("The request line has no valid HTTP version.");
    if (code == error::bad_content_length || code == error::multiple_content_length || code == error::bad_transfer_encoding)
        return bad_request("The length of the request's body is contradictory or not a number.");
    return bad_request("The request has a malformed field.");
}

// Whether the request line ends in "HTTP/" DIGIT "." DIGIT with a version that is not ours: the client speaks HTTP.
bool is_other_version(std::string_view head) noexcept {
    const std::string_view line = head.substr(0, head.find('\r'));
    if (line.size() < 9) return false;
    const std::string_view version = line.substr(line.size() - 9);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (version == " HTTP/1.0" || version == " HTTP/1.1") return false;
    return version.starts_with(" HTTP/") && is_digit(version[6]) && version[7] == '.' && is_digit(version[8]);
}

// Refuses framing that two readers may understand differently: RFC 9112 §6.1 and §6.3.
Problem check_framing(const HeadParser& parser, const Request& request) {
    if (parser.content_lengths && parser.content_lengths->find(',') != std::string::npos)
        return bad_request("The request has more than one Content-Length.");
    if (!parser.transfer_encoding) return {};
    if (request.version < 11) return bad_request("HTTP/1.0 has no Transfer-Encoding.");
    if (!equals_ignoring_case(*parser.transfer_encoding, "chunked"))
        return {501, "The only transfer coding supported is \"chunked\"."};
    if (parser.content_lengths) return bad_request("The request has both a Content-Length and a Transfer-Encoding.");
    return {};
}

} // namespace

Problem parse_head(std::string_view head, const Limits& limits, Request& request) {
    request = {};
    HeadParser parser(limits, request);
    error_code error;
    parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
    if (error == beast::http::error::bad_version && is_other_version(head))
        return {505, "This server speaks HTTP/1.0 and HTTP/1.1."};
    if (error) return problem_of(error);
    if (!parser.is_header_done()) return bad_request("The request has a malformed field.");

    if (request.version >= 11 && parser.hosts == 0) return bad_request("An HTTP/1.1 request needs a Host field.");
    if (parser.hosts > 1) return bad_request("The request has more than one Host field.");
    if (!parser.host_is_valid) return bad_request("The Host field is not a host.");
    if (const Problem problem = check_framing(parser, request)) return problem;

    if (parser.expect && request.version >= 11) {
        if (!equals_ignoring_case(*parser.expect, "100-continue"))
            return {417, "The only expectation met is \"100-continue\"."};
        request.expects_continue = true;
    }
    request.keep_alive = parser.keep_alive();
    request.chunked = parser.chunked();
    request.content_length = parser.content_length().value_or(0);
    return {};
}

} // namespace http
