// The problems of one configuration file, each at its place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// Counted from 1, as editors do; the column counts characters.
struct ConfigPlace {
    std::size_t line = 1;
    std::size_t column = 1;

    auto operator<=>(const ConfigPlace&) const = default;
};

class ConfigProblems {
  public:
    explicit ConfigProblems(std::string_view file);

    // Kept once, however often it is added. Past max_problems it is only counted.
    void add(ConfigPlace place, std::string_view key, std::string_view what);
    bool empty() const noexcept { return problems_.empty(); }
    bool full() const noexcept { return problems_.size() >= max_problems; }

    // "FILE:LINE:COLUMN: KEY: WHAT", in the order of the file.
    std::vector<std::string> lines() const;

    // "FILE:LINE:COLUMN"
    std::string text(ConfigPlace place) const;

    const std::string& file() const noexcept { return file_; }

  private:
    static constexpr std::size_t max_problems = 100;

    struct Problem {
        ConfigPlace place;
        std::string text;

        auto operator<=>(const Problem&) const = default;
    };

    std::string file_; // constant after construction
    std::vector<Problem> problems_;
    std::size_t dropped_ = 0;
};

} // namespace gatehouse::host
