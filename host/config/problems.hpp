// The problems of one configuration file, each at its place.
#pragma once

#include "config/place.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

class ConfigProblems {
  public:
    explicit ConfigProblems(std::string_view file);

    // `key` is its path. Kept once, however often it is added. Past max_problems it is only counted.
    void add(Position position, std::string_view key, std::string_view what);
    bool empty() const noexcept { return problems_.empty(); }
    bool full() const noexcept { return problems_.size() >= max_problems; }

    // "FILE:LINE:COLUMN: KEY: WHAT", in the order of the file.
    std::vector<std::string> lines() const;

    Place place(Position position) const;

  private:
    static constexpr std::size_t max_problems = 100;

    struct Problem {
        Position position;
        std::string text;

        auto operator<=>(const Problem&) const = default;
    };

    std::string file_; // constant after construction
    std::vector<Problem> problems_;
    std::size_t dropped_ = 0;
};

} // namespace gatehouse::host
