#include "request_reader.hpp"
#include "body_skipper.hpp"
#include "head_scanner.hpp"

#include <optional>
#include <string>
#include <utility>

namespace http {

namespace {

Problem problem_of(HeadScanner::Result result) noexcept {
    switch (result) {
    case HeadScanner::Result::target_too_long:
        return {414, "The request's target is too long."};
    case HeadScanner::Result::head_too_long:
        return {431, "The request's header is too large."};
    default:
        return {400, "This is not an HTTP request."};
    }
}

} // namespace

struct RequestReader::Incomplete {
    std::string head; // its bytes so far; the whole head once `body` is set
    HeadScanner scanner;
    std::optional<BodySkipper> body;
    bool wants_continue = false;
    bool complete = false; // the request still refers to it
    bool again = false;    // it is to be given once more
};

RequestReader::RequestReader() noexcept = default;
RequestReader::~RequestReader() = default;

bool RequestReader::in_body() const noexcept { return incomplete_ != nullptr && incomplete_->body.has_value(); }

bool RequestReader::may_be_head() const noexcept { return incomplete_ != nullptr && http::may_be_head(incomplete_->head); }

bool RequestReader::take_continue() noexcept {
    return incomplete_ != nullptr && std::exchange(incomplete_->wants_continue, false);
}

void RequestReader::put_back(const Request& request) {
    auto incomplete = std::make_unique<Incomplete>();
    incomplete->head = request.head;
    incomplete->again = true;
    incomplete_ = std::move(incomplete);
}

RequestReader::Result RequestReader::next(std::string_view& input, const Limits& limits, Request& request, Problem& problem) {
    if (incomplete_ != nullptr && incomplete_->complete) incomplete_.reset();
    if (incomplete_ != nullptr && std::exchange(incomplete_->again, false)) {
        incomplete_->complete = true;
        problem = parse_head(incomplete_->head, limits, request);
        return problem ? Result::problem : Result::request;
    }
    if (input.empty()) return Result::need_more;
    return in_body() ? next_body(input, limits, request, problem) : next_head(input, limits, request, problem);
}

RequestReader::Result RequestReader::next_head(std::string_view& input, const Limits& limits, Request& request,
                                               Problem& problem) {
    // The usual request comes in one piece; the reader parses it in place.
    HeadScanner fresh;
    HeadScanner& scanner = incomplete_ ? incomplete_->scanner : fresh;
    const std::size_t kept = incomplete_ ? incomplete_->head.size() : 0;
    if (incomplete_) incomplete_->head.append(input);
    const std::string_view text = incomplete_ ? std::string_view(incomplete_->head) : input;

    const HeadScanner::Result scanned = scanner.scan(text, limits);
    if (scanned == HeadScanner::Result::need_more) {
        if (!incomplete_) {
            incomplete_ = std::make_unique<Incomplete>();
            incomplete_->head = input;
            incomplete_->scanner = scanner;
        }
        input = {};
        return Result::need_more;
    }
    const std::string_view head = text.substr(scanner.begin(), scanner.end() - scanner.begin());
    problem = scanned == HeadScanner::Result::complete ? parse_head(head, limits, request) : problem_of(scanned);
    if (problem) {
        problem.head_only = http::may_be_head(head);
        return Result::problem;
    }
    input.remove_prefix(scanner.end() - kept);
    if (!request.has_body()) {
        if (incomplete_) incomplete_->complete = true;
        return Result::request;
    }
    auto incomplete = std::make_unique<Incomplete>();
    incomplete->head = head;
    incomplete->body.emplace(request);
    incomplete->wants_continue = request.expects_continue && input.empty();
    incomplete_ = std::move(incomplete);
    return input.empty() ? Result::need_more : next_body(input, limits, request, problem);
}

RequestReader::Result RequestReader::next_body(std::string_view& input, const Limits& limits, Request& request,
                                               Problem& problem) {
    Incomplete& incomplete = *incomplete_;
    incomplete.wants_continue = false;
    problem = incomplete.body->skip(input, limits);
    if (problem) {
        problem.head_only = http::may_be_head(incomplete.head);
        return Result::problem;
    }
    if (!incomplete.body->done()) return Result::need_more;
    incomplete.complete = true;
    problem = parse_head(incomplete.head, limits, request);
    return problem ? Result::problem : Result::request;
}

} // namespace http
