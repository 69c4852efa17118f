// The values that calls take and return: what comes next, why, and how a call went.
#ifndef GATEHOUSE_STATUS_HPP
#define GATEHOUSE_STATUS_HPP

#include "gatehouse.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace gatehouse {

// What serve() wants to happen next; see gatehouse_next.
enum class Next : gatehouse_next {
    close = GATEHOUSE_NEXT_CLOSE,
    park = GATEHOUSE_NEXT_PARK,
    relay = GATEHOUSE_NEXT_RELAY,
    wait = GATEHOUSE_NEXT_WAIT,
    error = GATEHOUSE_NEXT_ERROR,
    no_upstream = GATEHOUSE_NEXT_UPSTREAM,
};

// Why serve() was called; see gatehouse_event.
enum class Event : gatehouse_event {
    open = GATEHOUSE_EVENT_OPEN,
    data = GATEHOUSE_EVENT_DATA,
    wake = GATEHOUSE_EVENT_WAKE,
    timeout = GATEHOUSE_EVENT_TIMEOUT,
    stopping = GATEHOUSE_EVENT_STOPPING,
    timer = GATEHOUSE_EVENT_TIMER,
    sent = GATEHOUSE_EVENT_SENT,
    ready = GATEHOUSE_EVENT_READY,
    upstream = GATEHOUSE_EVENT_UPSTREAM,
    relayed = GATEHOUSE_EVENT_RELAYED,
};

// What a stream is watched for, or has; see gatehouse_host.watch.
enum class Ready : std::uint32_t {
    nothing = 0,
    readable = GATEHOUSE_READABLE,
    writable = GATEHOUSE_WRITABLE,
    both = GATEHOUSE_READABLE | GATEHOUSE_WRITABLE,
};

// How Init::end() ends a connection; see gatehouse_how.
enum class How : gatehouse_how {
    stop = GATEHOUSE_HOW_STOP,
    close = GATEHOUSE_HOW_CLOSE,
    reset = GATEHOUSE_HOW_RESET,
};

// The outcome of a call: true if it succeeded; otherwise the status says why not.
class [[nodiscard]] Status {
  public:
    constexpr Status(gatehouse_status code) noexcept : code_(code) {}
    constexpr explicit operator bool() const noexcept { return code_ == GATEHOUSE_OK; }
    constexpr gatehouse_status code() const noexcept { return code_; }
    constexpr bool operator==(const Status&) const noexcept = default;

    static const Status end, timeout, stopping, reset, invalid, not_found, refused, exhausted, unsupported, failed, unreachable,
        timer, again;

  private:
    gatehouse_status code_;
};
inline constexpr Status Status::end{GATEHOUSE_END};
inline constexpr Status Status::timeout{GATEHOUSE_TIMEOUT};
inline constexpr Status Status::stopping{GATEHOUSE_STOPPING};
inline constexpr Status Status::reset{GATEHOUSE_RESET};
inline constexpr Status Status::invalid{GATEHOUSE_INVALID};
inline constexpr Status Status::not_found{GATEHOUSE_NOT_FOUND};
inline constexpr Status Status::refused{GATEHOUSE_REFUSED};
inline constexpr Status Status::exhausted{GATEHOUSE_EXHAUSTED};
inline constexpr Status Status::unsupported{GATEHOUSE_UNSUPPORTED};
inline constexpr Status Status::failed{GATEHOUSE_FAILED};
inline constexpr Status Status::unreachable{GATEHOUSE_UNREACHABLE};
inline constexpr Status Status::timer{GATEHOUSE_TIMER};
inline constexpr Status Status::again{GATEHOUSE_AGAIN};

// A value, or the status that says why there is none.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}
    Result(Status failure) noexcept : status_(failure) {}
    explicit operator bool() const noexcept { return value_.has_value(); }
    T& operator*() noexcept { return *value_; }
    const T& operator*() const noexcept { return *value_; }
    T* operator->() noexcept { return &*value_; }
    const T* operator->() const noexcept { return &*value_; }
    Status status() const noexcept { return status_; }

  private:
    Status status_{GATEHOUSE_OK};
    std::optional<T> value_;
};

namespace detail {

constexpr gatehouse_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }
constexpr std::string_view view(gatehouse_str text) noexcept { return {text.data, text.size}; }

// The i-th of structs that lie `stride` bytes apart.
template <class T>
const T& item(const T* first, std::size_t i, std::size_t stride) noexcept {
    return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(first) + i * stride);
}

inline std::uint64_t milliseconds(std::chrono::milliseconds time) noexcept {
    return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

} // namespace detail

} // namespace gatehouse

#endif
