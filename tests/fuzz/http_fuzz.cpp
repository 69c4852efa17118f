// Everything of `http` that reads a client's bytes.
//
// The first byte says where to cut the rest; the requests must not depend on it.
#include "accept.hpp"
#include "conditional.hpp"
#include "date.hpp"
#include "login.hpp"
#include "range.hpp"
#include "request_reader.hpp"
#include "target.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace http;

constexpr std::int64_t now = 1'700'000'000;

void require(bool holds) {
    if (!holds) std::abort();
}

// Does with a request what the plugin does, and checks what must hold for any bytes.
std::string use(const Request& request) {
    if (const auto path = parse_target(request.target)) {
        require(!path->relative.starts_with('/') && path->relative.find('\0') == std::string::npos);
        require(("/" + path->relative + "/").find("/../") == std::string::npos);
        require(encode_path(path->relative).find_first_of("\r\n ") == std::string::npos);
    }
    require(preferred_codings(request.field("Accept-Encoding")).size() <= all_codings.size());
    static_cast<void>(prefers_json(request.field("Accept")));
    if (const auto credentials = parse_basic(request.field("Authorization")))
        require(credentials->name.find(':') == std::string::npos);
    require(host_of_target(request.target).find('@') == std::string_view::npos);
    const Validators validators{"\"a\"", now};
    static_cast<void>(evaluate_preconditions(request, validators, now));
    static_cast<void>(range_applies(request, validators, now));
    if (request.range) {
        std::uint64_t total = 0;
        for (const ByteRange& range : parse_range(*request.range, 1000).ranges) {
            require(range.first <= range.last && range.last < 1000);
            total += range.length();
        }
        require(total <= 1000);
    }
    if (request.if_modified_since) {
        if (const auto time = parse_http_date(*request.if_modified_since, now))
            require(parse_http_date(HttpDate(*time).text(), now) == time);
    }
    return std::string(request.target);
}

std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
    const Limits limits{.max_header = 1024, .max_target = 512, .max_body = 256};
    RequestReader reader;
    Request request;
    Problem problem;
    std::vector<std::string> seen;
    while (!bytes.empty()) {
        const std::string copy(bytes.substr(0, piece));
        bytes.remove_prefix(copy.size());
        std::string_view input = copy;
        while (true) {
            const auto result = reader.next(input, limits, request, problem);
            if (result == RequestReader::Result::need_more) break;
            if (result == RequestReader::Result::problem) {
                seen.push_back(std::to_string(problem.status));
                return seen;
            }
            seen.push_back(use(request));
        }
        require(input.empty());
    }
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    require(read(bytes, std::string_view::npos) == read(bytes, 1u + data[0] % 64u));
    return 0;
}
