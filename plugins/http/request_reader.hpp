// Cuts the bytes of one connection into requests. While no request is incomplete it holds no memory: an idle connection costs
// a pointer.
#pragma once

#include "request.hpp"

#include <memory>
#include <string_view>

namespace http {

class RequestReader {
  public:
    enum class Result {
        need_more, // `input` is empty now; the reader keeps its bytes
        request,
        problem, // the bytes that follow in the stream have no meaning
    };

    RequestReader() noexcept;
    ~RequestReader();

    // Takes the next request, its body included, from the front of `input`. `request` refers to `input` or to this object, and
    // is valid until the next call.
    Result next(std::string_view& input, const Limits& limits, Request& request, Problem& problem);

    // The next call of next() gives the same request once more, which it has just given.
    void put_back(const Request& request);

    bool idle() const noexcept { return incomplete_ == nullptr; } // no byte of the next request has come
    bool in_body() const noexcept;
    bool may_be_head() const noexcept; // the incomplete request is one for HEAD, or may become one

    // True once, when the client waits for "100 Continue" before it sends its body (RFC 9110 §10.1.1).
    bool take_continue() noexcept;

  private:
    struct Incomplete;

    Result next_head(std::string_view& input, const Limits& limits, Request& request, Problem& problem);
    Result next_body(std::string_view& input, const Limits& limits, Request& request, Problem& problem);

    std::unique_ptr<Incomplete> incomplete_;
};

} // namespace http
