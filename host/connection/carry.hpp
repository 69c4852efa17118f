// So many bytes that a plugin has the host carry from one stream of a client's to another: see
// gatehouse_upstream_v1.relay_some.
//
// It reads only while the other side takes what it is given; what that does not take at once is output of its own, which
// goes on like all output. So deadlines and rates hold as for a plugin that reads and writes. [owner]
#pragma once

#include "connection/stream.hpp"

#include <cstdint>
#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

class Carry {
  public:
    Carry(Stream& from, Stream& to, std::uint64_t bytes, bool until_news) noexcept
        : from_(&from), to_(&to), left_(bytes), until_news_(until_news) {}

    // Goes on as far as is possible, for a turn's length.
    enum class Flow : std::uint8_t {
        waits, // for bytes, or for the output of the other side
        more,  // the turn is over
        over,  // see status()
    };
    Flow step() noexcept;
    // Ends it before its time.
    void give_up(gatehouse_status status) noexcept {
        if (!over_) end(status, nullptr);
    }

    bool over() const noexcept { return over_; }
    gatehouse_status status() const noexcept { return status_; }
    std::uint64_t moved() const noexcept { return moved_; }
    Stream* failed() const noexcept { return failed_; } // the side whose fault it is; null: neither's

    // What is to be heard of a stream meanwhile: bytes that are carried, or news that end it.
    bool reads(const Stream& stream) const noexcept { return &stream == from_ || listens_to(stream); }
    bool listens_to(const Stream& stream) const noexcept { return until_news_ && &stream == to_; }
    const Stream* from() const noexcept { return from_; }
    const Stream* to() const noexcept { return to_; }

    // It is cut: neither side shall take what it has got for all.
    void cut() noexcept;

  private:
    Flow end(gatehouse_status status, Stream* failed) noexcept;

    Stream* from_; // valid until it is over
    Stream* to_;
    Stream* failed_ = nullptr;
    std::uint64_t left_; // that are to be read
    std::uint64_t moved_ = 0;
    gatehouse_status status_ = GATEHOUSE_AGAIN;
    bool until_news_;
    bool over_ = false;
};

} // namespace gatehouse::host
