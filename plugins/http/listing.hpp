// What is in a folder, as a page and as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace http {

struct Listing {
    static constexpr std::size_t most = 4096; // of entries: an answer has less than 12 MiB

    struct Entry {
        std::string name;
        bool is_folder;
        std::uint64_t size;    // bytes of a file
        std::int64_t modified; // seconds since 1970
    };

    std::vector<Entry> entries;
    bool complete = true; // there are no more

    void sort(); // folders first, each by name
};

// `relative`: the folder's path beneath the root, decoded.
std::string listing_page(std::string_view relative, const Listing& listing);

// An array of {"name", "type", "size", "modified"}, as nginx has it: "type" is "directory" or "file", and "modified" is a date
// of RFC 3339. What is not UTF-8 in a name is replaced by U+FFFD.
std::string listing_json(const Listing& listing);

} // namespace http
