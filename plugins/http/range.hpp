// The Range field: RFC 9110 §14.1.2 and §14.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace http {

// Bytes first..last of a file, both included.
struct ByteRange {
    std::uint64_t first;
    std::uint64_t last;

    std::uint64_t length() const noexcept { return last - first + 1; }
    bool operator==(const ByteRange&) const = default;
};

constexpr std::size_t max_ranges = 16;

struct RangeRequest {
    enum class Kind {
        whole,        // send everything: not a byte range, not valid, too many ranges, or more bytes than the file has
        parts,        // send `ranges`, in this order
        unsatisfiable // 416
    };
    Kind kind = Kind::whole;
    std::vector<ByteRange> ranges;
};

// What the value of a Range field selects of a file of `size` bytes.
RangeRequest parse_range(std::string_view value, std::uint64_t size);

} // namespace http
