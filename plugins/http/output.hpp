// The output to the client: a buffer that gathers heads, small files and the answers to pipelined requests into few writes.
// Large pieces of files never pass through it. What the client does not take at once the host goes on with, without a thread.
//
// After the first failure it ignores everything, and status() says what the failure was.
#pragma once

#include <gatehouse/plugin.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace http {

class Output {
  public:
    // `min_rate`: a client must take this many bytes a second in the long run, or its time is over; 0: any rate.
    Output(gatehouse::Connection& conn, std::uint64_t min_rate) noexcept : conn_(conn), min_rate_(min_rate) {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void text(std::string_view text) noexcept;
    // The same for what may be large. A thread would wait until a slow client has taken most of it; so it becomes a file in
    // memory, with which the host goes on by itself.
    void body(std::string_view text) noexcept;
    void number(std::uint64_t value) noexcept;

    // `length` bytes of `fd` from `offset`. GATEHOUSE_FAILED if the file ends before that.
    void file(int fd, std::uint64_t offset, std::uint64_t length) noexcept;

    gatehouse::Status flush() noexcept;
    gatehouse::Status status() const noexcept { return status_; }
    bool left() const noexcept { return left_; } // the host has something of it left: Event::sent will come
    bool has_moved_deadline() const noexcept { return has_moved_deadline_; } // of the connection

  private:
    static constexpr std::size_t sendfile_from = 64 * 1024; // below that, copying costs less than a call of its own
    static constexpr std::size_t capacity = sendfile_from + 4 * 1024;
    static constexpr std::chrono::seconds grace{30}; // added to the time by the rate

    void allow_time_for(std::uint64_t bytes) noexcept;
    void send(int fd, std::uint64_t offset, std::uint64_t length) noexcept;
    void copy(int fd, std::uint64_t offset, std::uint64_t length) noexcept;

    gatehouse::Connection& conn_;
    std::uint64_t min_rate_;
    gatehouse::Status status_{GATEHOUSE_OK};
    bool has_moved_deadline_ = false;
    bool left_ = false;
    std::size_t size_ = 0;
    std::array<char, capacity> buffer_; // left uninitialised: most answers touch its first page only
};

} // namespace http
