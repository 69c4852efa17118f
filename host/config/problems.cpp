#include "config/problems.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace gatehouse::host {
namespace {

// "FILE:LINE:COLUMN" at the start of a text; `size` is how much of it that is.
struct LeadingPlace {
    std::string_view file;
    std::size_t line = 0;
    std::size_t column = 0;
    std::size_t size = 0;
};

// A number and the character behind it, from `at` on; 0: there is none.
std::size_t number_before(std::string_view text, std::size_t& at, char behind) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
    const auto next = static_cast<std::size_t>(end - text.data());
    const bool ends = behind == 0 ? next == text.size() : next < text.size() && text[next] == behind;
    if (error != std::errc() || !ends) return 0;
    at = next + (behind == 0 ? 0 : 1);
    return number;
}

// `behind`: what has to follow the column; 0: the end of the text.
std::optional<LeadingPlace> leading_place(std::string_view text, char behind) {
    for (std::size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
        LeadingPlace place{text.substr(0, colon)};
        place.size = colon + 1;
        place.line = number_before(text, place.size, ':');
        place.column = place.line == 0 ? 0 : number_before(text, place.size, behind);
        if (place.column != 0) return place;
    }
    return std::nullopt;
}

std::string_view without_quotes(std::string_view text) {
    return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

bool is_key_path(std::string_view text) {
    return !text.empty() && text.find_first_of(" \t/") == std::string_view::npos && text.find('.') != std::string_view::npos;
}

} // namespace

std::string ConfigProblem::text() const {
    std::string text = file;
    if (line != 0) text += ':' + std::to_string(line) + ':' + std::to_string(column);
    return text + ": " + (key.empty() ? "" : key + ": ") + what;
}

ProblemParts parts_of_problem(std::string_view what) {
    constexpr std::string_view expected = "expected ";
    constexpr std::string_view near = "did you mean ";
    ProblemParts parts{std::string(what), "", ""};
    // The last parenthesis that says one of the two; a message may have others, and other words behind it.
    std::size_t begin = std::string_view::npos;
    for (const std::string_view start : {" (expected ", " (did you mean "})
        if (const std::size_t at = what.rfind(start);
            at != std::string_view::npos && (begin == std::string_view::npos || at > begin))
            begin = at;
    if (begin == std::string_view::npos) return parts;
    std::size_t end = begin + 1;
    for (int depth = 0; end < what.size(); ++end) {
        if (what[end] == '(') ++depth;
        if (what[end] == ')' && --depth == 0) break;
    }
    if (end == what.size()) return parts;
    std::string_view inner = what.substr(begin + 2, end - begin - 2);
    parts.message = std::string(what.substr(0, begin)).append(what.substr(end + 1));
    if (const std::size_t at = inner.rfind(near); at != std::string_view::npos) {
        const std::string_view rest = inner.substr(at + near.size());
        const std::size_t mark = rest.find('?');
        parts.suggestion = without_quotes(rest.substr(0, mark));
        if (mark != std::string_view::npos && mark + 1 < rest.size()) parts.message.append(".").append(rest.substr(mark + 1));
        inner = inner.substr(0, at);
        if (inner.ends_with("; ")) inner.remove_suffix(2);
    }
    if (inner.starts_with(expected)) parts.expected = inner.substr(expected.size());
    return parts;
}

std::string ProblemParts::whole() const {
    std::string hints = expected.empty() ? "" : "expected " + expected;
    if (!suggestion.empty()) hints += (hints.empty() ? "" : "; ") + ("did you mean \"" + suggestion + "\"?");
    return message + (hints.empty() ? "" : " (" + hints + ')');
}

ConfigProblem problem_of_text(std::string_view text, std::string_view file) {
    ConfigProblem problem{std::string(file), 0, 0, "", std::string(text)};
    std::string_view prefix;
    if (const std::optional<LeadingPlace> place = leading_place(text, ':');
        place && text.substr(place->size).starts_with(' ')) {
        // "as the user of [process]: FILE:..." says where before what.
        const std::size_t before = place->file.rfind("]: ");
        prefix = before == std::string_view::npos ? "" : place->file.substr(0, before + 3);
        problem.file = place->file.substr(prefix.size());
        problem.line = place->line;
        problem.column = place->column;
        problem.what = text.substr(place->size + 1);
    } else if (const std::size_t begin = text.rfind(" ("); begin != std::string_view::npos && text.ends_with(')')) {
        const std::string_view inner = text.substr(begin + 2, text.size() - begin - 3);
        if (const std::optional<LeadingPlace> behind = leading_place(inner, 0)) {
            problem.file = behind->file;
            problem.line = behind->line;
            problem.column = behind->column;
            problem.what = text.substr(0, begin);
        }
    } else if (text.starts_with(std::string(file) + ": ")) {
        problem.what = text.substr(file.size() + 2);
    }
    if (const std::size_t colon = problem.what.find(": ");
        is_key_path(std::string_view(problem.what).substr(0, colon)) && colon != std::string::npos) {
        problem.key = problem.what.substr(0, colon);
        problem.what.erase(0, colon + 2);
    }
    problem.what.insert(0, prefix);
    return problem;
}

void ConfigProblems::add(Position position, std::string_view key, std::string_view what) {
    if (full()) {
        ++dropped_;
        return;
    }
    Problem problem{position, std::string(key), std::string(what)};
    if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) problems_.push_back(std::move(problem));
}

std::vector<ConfigProblem> ConfigProblems::all() const {
    std::vector<Problem> sorted = problems_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) { return a.position < b.position; });
    std::vector<ConfigProblem> result;
    result.reserve(sorted.size() + 1);
    for (Problem& problem : sorted)
        result.push_back({files_->at(problem.position.file).name, problem.position.line,
                          problem.position.line == 0 ? 0 : problem.position.column, std::move(problem.key),
                          std::move(problem.what)});
    if (dropped_ > 0) result.push_back({files_->front().name, 0, 0, "", "and " + std::to_string(dropped_) + " more"});
    return result;
}

Place ConfigProblems::place(Position position) const {
    return {files_->at(position.file).name + ':' + std::to_string(position.line) + ':' + std::to_string(position.column),
            position};
}

std::vector<std::string> problem_texts(const std::vector<ConfigProblem>& problems) {
    std::vector<std::string> texts;
    texts.reserve(problems.size());
    for (const ConfigProblem& problem : problems) texts.push_back(problem.text());
    return texts;
}

} // namespace gatehouse::host
