// What a file says of servers' names: for each name a value, such as a server's address. Ten names or a million, hashed;
// "*.NAME" stands for all below it, as in a route (net/server_name.hpp). A name that stands there by itself comes before a
// wildcard, and of several wildcards the longest counts.
//
//     # comment
//     shop.example      10.0.7.3:8443
//     *.shop.example    pool=shop
//
// A value is an address ("host:port", "[v6]:port", "unix:/path", "srv:NAME"), or KEY=TEXT, whose meaning is the reader's.
#pragma once

#include "net/server_name.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// What is wrong with a value; empty: nothing.
std::string problem_of_map_value(std::string_view value);

// Made by one thread, then constant.
class NameMap {
  public:
    static constexpr std::size_t most_names = 1'000'000;
    static constexpr std::size_t most_bytes = 64 << 20; // of the file
    static constexpr std::size_t longest_value = 512;   // bytes

    struct Entry {
        std::string_view name; // in the normal form, with its "*."
        std::string_view value;
        std::uint32_t line;
    };

    // `text`: what stands in the file, with "\n" at the ends of its lines. `problems`: what is wrong, as "LINE: ...", of the
    // first few lines that are wrong; such lines are left out.
    NameMap(std::string text, std::vector<std::string>& problems);
    NameMap(const NameMap&) = delete;
    NameMap& operator=(const NameMap&) = delete;

    // What fits the name; null: nothing does. [any]
    const Entry* find(const ServerName& name) const noexcept;
    // The one with exactly this name, which may be a wildcard, in the normal form. [any]
    const Entry* exact(std::string_view name) const noexcept;

    const std::vector<Entry>& entries() const noexcept { return entries_; } // in the order of their lines
    const std::string& text() const noexcept { return text_; }              // names in the normal form, else as it was given

  private:
    std::size_t place_of(std::string_view name) const noexcept;
    void add(std::string_view line, std::uint32_t number, std::vector<std::string>& problems);

    std::string text_; // the entries point into it
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> places_; // open addressing: an entry's index + 1 where its hash leads, or behind; 0: free
    std::size_t longest_wildcard_ = 0;
};

} // namespace gatehouse::host
