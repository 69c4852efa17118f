// The problems of a configuration, each at its place.
#pragma once

#include "config/place.hpp"

#include <compare>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

struct ConfigProblem {
    std::string file;
    std::size_t line = 0; // 0: the file as a whole
    std::size_t column = 0;
    std::string key;  // its path; may be empty
    std::string what; // "MESSAGE (expected EXPECTED; did you mean \"SUGGESTION\"?)"; a message may be all

    // "FILE:LINE:COLUMN: KEY: WHAT", without what is not there.
    std::string text() const;

    auto operator<=>(const ConfigProblem&) const = default;
};

// `what` of a problem in parts.
struct ProblemParts {
    std::string message;
    std::string expected;   // may be empty, as may the next
    std::string suggestion; // without quotes

    std::string whole() const; // put together again
};
ProblemParts parts_of_problem(std::string_view what);

// The problem of which such a text speaks: "FILE:LINE:COLUMN: KEY: WHAT", or "WHAT (FILE:LINE:COLUMN)" as sockets have it.
// `file` is the one that a text without a place is about.
ConfigProblem problem_of_text(std::string_view text, std::string_view file);

// A file that was read.
struct ConfigFile {
    std::string name;             // for messages: printable, and cut if it is long
    std::filesystem::path path;   // the whole of it
    std::filesystem::path folder; // where relative paths in it start
};

class ConfigProblems {
  public:
    // `files` belongs to the document, and grows while files are included.
    explicit ConfigProblems(const std::vector<ConfigFile>& files) : files_(&files) {}

    // `key` is its path. Kept once, however often it is added. Past max_problems it is only counted.
    void add(Position position, std::string_view key, std::string_view what);
    bool empty() const noexcept { return problems_.empty(); }
    bool full() const noexcept { return problems_.size() >= max_problems; }
    std::size_t size() const noexcept { return problems_.size(); }

    // In the order of the files.
    std::vector<ConfigProblem> all() const;

    Place place(Position position) const;

  private:
    static constexpr std::size_t max_problems = 100;

    struct Problem {
        Position position;
        std::string key;
        std::string what;

        bool operator==(const Problem&) const = default;
    };

    const std::vector<ConfigFile>* files_;
    std::vector<Problem> problems_;
    std::size_t dropped_ = 0;
};

std::vector<std::string> problem_texts(const std::vector<ConfigProblem>& problems);

} // namespace gatehouse::host
