#include "config/problems.hpp"

#include "base/printable.hpp"

#include <algorithm>

namespace gatehouse::host {

ConfigProblems::ConfigProblems(std::string_view file) : file_(printable(file)) {}

void ConfigProblems::add(Position position, std::string_view key, std::string_view what) {
    if (full()) {
        ++dropped_;
        return;
    }
    Problem problem{position, std::string(key) + ": " + std::string(what)};
    if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) problems_.push_back(std::move(problem));
}

std::vector<std::string> ConfigProblems::lines() const {
    std::vector<Problem> sorted = problems_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) { return a.position < b.position; });
    std::vector<std::string> result;
    result.reserve(sorted.size() + 1);
    for (const Problem& problem : sorted) result.push_back(place(problem.position).text + ": " + problem.text);
    if (dropped_ > 0) result.push_back(file_ + ": and " + std::to_string(dropped_) + " more");
    return result;
}

Place ConfigProblems::place(Position position) const {
    return {file_ + ':' + std::to_string(position.line) + ':' + std::to_string(position.column), position};
}

} // namespace gatehouse::host
