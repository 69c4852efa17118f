#include "config/check_report.hpp"

#include "base/json.hpp"

namespace gatehouse::host {
namespace {

Json text_or_null(std::string_view text) { return text.empty() ? Json::raw("null") : Json::text(text); }

Json number_or_null(std::size_t number) { return Json::raw(number == 0 ? "null" : std::to_string(number)); }

Json problem_object(const ConfigProblem& problem) {
    const ProblemParts parts = parts_of_problem(problem.what);
    Json object = Json::object();
    object.set("file", Json::text(problem.file))
        .set("line", number_or_null(problem.line))
        .set("column", number_or_null(problem.column))
        .set("key", text_or_null(problem.key))
        .set("message", Json::text(parts.message))
        .set("expected", text_or_null(parts.expected))
        .set("suggestion", text_or_null(parts.suggestion));
    return object;
}

} // namespace

std::string check_report(const std::filesystem::path& file, const Config* config, std::span<const ConfigProblem> problems) {
    Json list = Json::array();
    for (const ConfigProblem& problem : problems) list.add(problem_object(problem));
    Json report = Json::object();
    report.set("ok", Json::raw(problems.empty() ? "true" : "false"))
        .set("file", Json::text(file.native()))
        .set("listeners", Json::raw(config != nullptr ? std::to_string(config->listeners.size()) : "null"))
        .set("plugins", Json::raw(config != nullptr ? std::to_string(config->plugins.size()) : "null"))
        .set("problems", std::move(list));
    return report.pretty();
}

} // namespace gatehouse::host
