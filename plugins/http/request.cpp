#include "request.hpp"
#include "grammar.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace http {

namespace {

Problem bad_request(std::string_view detail) { return {400, detail}; }

void join(std::optional<std::string>& list, std::string_view value) {
    if (list)
        list->append(", ").append(value);
    else
        list.emplace(value);
}

// The methods that HTTP, WebDAV and their like define: the answer to one of them is 405 and not 501.
Method method_of(std::string_view token) noexcept {
    static constexpr std::array<std::string_view, 32> others{
        "POST",   "PUT",      "DELETE",     "OPTIONS",   "PATCH",    "TRACE",     "CONNECT", "ACL",
        "BIND",   "CHECKOUT", "COPY",       "LINK",      "LOCK",     "M-SEARCH",  "MERGE",   "MKACTIVITY",
        "MKCOL",  "MOVE",     "MKCALENDAR", "NOTIFY",    "PROPFIND", "PROPPATCH", "PURGE",   "QUERY",
        "REBIND", "REPORT",   "SEARCH",     "SUBSCRIBE", "UNBIND",   "UNLINK",    "UNLOCK",  "UNSUBSCRIBE"};
    if (token == "GET") return Method::get;
    if (token == "HEAD") return Method::head;
    return std::ranges::find(others, token) == others.end() ? Method::unknown : Method::other;
}

// The fields of a head that are needed only until it is understood. Repeated ones are joined.
struct HeadFields {
    std::size_t hosts = 0;
    bool host_is_valid = true;
    std::optional<std::string> connection;
    std::optional<std::string> transfer_encoding;
    std::optional<std::string> content_length;
    std::optional<std::string> expect;
};

// method SP request-target SP HTTP-version
Problem parse_request_line(std::string_view line, Request& request) noexcept {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (!is_token(line.substr(0, first))) return bad_request("The request line has no valid method.");
    if (first == last) return bad_request("The request line has no valid HTTP version.");
    request.method = method_of(line.substr(0, first));
    request.target = line.substr(first + 1, last - first - 1);
    if (request.target.empty() || request.target.find_first_of(" \t") != std::string_view::npos)
        return bad_request("The request line has no valid target.");

    const std::string_view version = line.substr(last + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digits(version.substr(5, 1)) || version[6] != '.' ||
        !is_digits(version.substr(7)))
        return bad_request("The request line has no valid HTTP version.");
    if (version[5] != '1') return {505, "This server speaks HTTP/1.0 and HTTP/1.1."};
    request.version = version[7] == '0' ? 10 : 11; // a later 1.x is understood as 1.1: RFC 9110 §6.2
    return {};
}

// *( field-name ":" OWS field-value OWS CRLF ) CRLF: calls take(name, value) for each. False: one is malformed.
template <class Take>
bool each_field(std::string_view lines, Take take) {
    while (lines != "\r\n") {
        const std::size_t end = lines.find("\r\n");
        const std::string_view line = lines.substr(0, end);
        const std::size_t colon = line.find(':');
        if (end == std::string_view::npos || colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
        take(line.substr(0, colon), trim(line.substr(colon + 1)));
        lines.remove_prefix(end + 2);
    }
    return true;
}

std::string_view field_lines(std::string_view head) noexcept { return head.substr(head.find("\r\n") + 2); }

void take_field(std::string_view name, std::string_view value, Request& request, HeadFields& fields) {
    const struct {
        std::string_view name;
        std::optional<std::string>& list;
    } lists[] = {{"Connection", fields.connection},
                 {"Content-Length", fields.content_length},
                 {"Expect", fields.expect},
                 {"If-Match", request.if_match},
                 {"If-Modified-Since", request.if_modified_since},
                 {"If-None-Match", request.if_none_match},
                 {"If-Range", request.if_range},
                 {"If-Unmodified-Since", request.if_unmodified_since},
                 {"Range", request.range},
                 {"Transfer-Encoding", fields.transfer_encoding}};
    for (const auto& list : lists)
        if (equals_ignoring_case(name, list.name)) return join(list.list, value);
    if (equals_ignoring_case(name, "Host")) {
        ++fields.hosts;
        // A URI of http has a host (RFC 9110 §4.2.1); the field is empty if the target's URI has no authority (§7.2).
        fields.host_is_valid = is_authority(value) && !value.starts_with(':');
        request.host = value;
    }
}

// RFC 9112 §9.3. Proxy-Connection is no field of HTTP.
Problem parse_connection(std::string_view list, Request& request) noexcept {
    bool close = false;
    bool keep_alive = false;
    while (const auto option = next_member(list)) {
        if (!is_token(*option)) return bad_request("The Connection field is not a list of names.");
        close = close || equals_ignoring_case(*option, "close");
        keep_alive = keep_alive || equals_ignoring_case(*option, "keep-alive");
    }
    request.keep_alive = !close && (request.version >= 11 || keep_alive);
    return {};
}

// Only requests that are chunked, and nothing before or after that, have a content that ends where each reader sees its end:
// RFC 9112 §6.1 and §6.3.
Problem parse_transfer_encoding(std::string_view list, Request& request) noexcept {
    if (request.version < 11) return bad_request("HTTP/1.0 has no Transfer-Encoding.");
    std::size_t count = 0;
    while (const auto member = next_member(list)) {
        const auto coding = transfer_coding_name(*member);
        if (!coding) return bad_request("The Transfer-Encoding field is malformed.");
        if (request.chunked) return bad_request("A transfer coding follows \"chunked\", which has to be the last one.");
        request.chunked = equals_ignoring_case(*coding, "chunked");
        if (request.chunked && coding->size() != member->size()) return bad_request("\"chunked\" has no parameters.");
        ++count;
    }
    if (!request.chunked) return bad_request("The last transfer coding of a request has to be \"chunked\".");
    if (count > 1) return {501, "The only transfer coding supported is \"chunked\"."};
    return {};
}

Problem parse_content_length(std::string_view value, Request& request) noexcept {
    if (value.find(',') != std::string_view::npos) return bad_request("The request has more than one Content-Length.");
    const bool valid = !value.empty() && is_digits(value) &&
                       std::from_chars(value.data(), value.data() + value.size(), request.content_length).ec == std::errc();
    return valid ? Problem{} : bad_request("The length of the request's body is not a number.");
}

// Refuses framing that two readers may understand differently.
Problem parse_framing(const HeadFields& fields, Request& request) noexcept {
    if (fields.transfer_encoding && fields.content_length)
        return bad_request("The request has both a Content-Length and a Transfer-Encoding.");
    if (fields.transfer_encoding) return parse_transfer_encoding(*fields.transfer_encoding, request);
    if (fields.content_length) return parse_content_length(*fields.content_length, request);
    return {};
}

Problem parse_expect(std::string_view list, Request& request) noexcept {
    while (const auto expectation = next_member(list)) {
        if (!equals_ignoring_case(*expectation, "100-continue")) return {417, "The only expectation met is \"100-continue\"."};
        request.expects_continue = true;
    }
    return {};
}

} // namespace

Problem parse_head(std::string_view head, const Limits& limits, Request& request) {
    request = {};
    request.head = head;
    HeadFields fields;
    const std::size_t line_end = head.find("\r\n");
    if (line_end == std::string_view::npos) return bad_request("This is not an HTTP request.");
    if (const Problem problem = parse_request_line(head.substr(0, line_end), request)) return problem;
    const bool fields_are_valid = each_field(
        field_lines(head), [&](std::string_view name, std::string_view value) { take_field(name, value, request, fields); });
    if (!fields_are_valid) return bad_request("The request has a malformed field.");

    if (request.version >= 11 && fields.hosts == 0) return bad_request("An HTTP/1.1 request needs a Host field.");
    if (fields.hosts > 1) return bad_request("The request has more than one Host field.");
    if (!fields.host_is_valid) return bad_request("The Host field is not a host.");
    if (const Problem problem = parse_connection(fields.connection ? *fields.connection : "", request)) return problem;

    const Problem framing = parse_framing(fields, request);
    if (framing.status == 400) return framing;
    // What is wrong with the method is said before what is wrong with its content.
    if (request.has_body() && (request.method == Method::other || request.method == Method::unknown))
        return {request.method == Method::other ? 405 : 501, "Only GET and HEAD are served."};
    if (framing) return framing;
    if (request.content_length > limits.max_body) return {413, "The request's body is too large."};
    if (fields.expect && request.version >= 11) return parse_expect(*fields.expect, request);
    return {};
}

std::string Request::field(std::string_view name) const {
    std::optional<std::string> all;
    each_field(field_lines(head), [&](std::string_view other, std::string_view value) {
        if (equals_ignoring_case(name, other)) join(all, value);
    });
    return all.value_or("");
}

bool may_be_head(std::string_view text) noexcept {
    constexpr std::string_view method = "HEAD";
    text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
    return method.starts_with(text) || (text.starts_with(method) && !is_token_char(text[method.size()]));
}

} // namespace http
