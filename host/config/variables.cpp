#include "config/variables.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"

#include <algorithm>
#include <cstdlib>

namespace gatehouse::host {
namespace {

constexpr std::string_view opening = "${";
constexpr std::string_view how_it_is_written = "(expected ${NAME} or ${NAME:-default}; $${ stands for ${ itself)";

bool begins_name(char c) { return is_letter(c) || c == '_'; }
bool continues_name(char c) { return begins_name(c) || is_digit(c); }

bool is_variable_name(std::string_view name) {
    return !name.empty() && begins_name(name.front()) && std::all_of(name.begin(), name.end(), continues_name);
}

// What is wrong with what stands between "${" and "}", apart from a variable that is not there; "" if nothing is.
std::string problem_of_reference(std::string_view inner, std::string_view name) {
    const std::string whole = in_quotes("${" + std::string(inner) + "}");
    if (inner.empty()) return whole + " names no variable " + std::string(how_it_is_written);
    if (inner.find(opening) != std::string_view::npos)
        return "a default cannot have a variable in it: " + whole + " (expected a text without ${)";
    if (is_variable_name(name)) return "";
    const std::size_t end = name.find_first_of(":-=?+");
    const std::string_view begin = name.substr(0, end);
    if (end != std::string_view::npos && is_variable_name(begin)) // as shells have it
        return whole + " is more than a variable's name (expected ${" + printable(begin) + "}, or ${" + printable(begin) +
               ":-default})";
    return in_quotes(name) + " is not the name of a variable (expected letters, digits and _, without a digit first)";
}

} // namespace

Expanded expand_variables(std::string_view text) {
    Expanded result{};
    while (!text.empty()) {
        const std::size_t at = text.find('$');
        result.text += text.substr(0, at);
        if (at == std::string_view::npos) break;
        text.remove_prefix(at);
        if (text.starts_with("$${")) {
            result.text += opening;
            text.remove_prefix(3);
            continue;
        }
        if (!text.starts_with(opening)) {
            result.text += '$';
            text.remove_prefix(1);
            continue;
        }
        const std::size_t end = text.find('}');
        if (end == std::string_view::npos) {
            result.problem = in_quotes(text) + " has no } " + std::string(how_it_is_written);
            return result;
        }
        result.literal = false;
        const std::string_view inner = text.substr(2, end - 2);
        text.remove_prefix(end + 1);
        const std::size_t separator = inner.find(":-");
        const std::string name(inner.substr(0, separator));
        result.problem = problem_of_reference(inner, name);
        if (!result.problem.empty()) return result;
        const char* const value = std::getenv(name.c_str());
        if (separator != std::string_view::npos && (value == nullptr || *value == '\0')) {
            result.text += inner.substr(separator + 2);
        } else if (value == nullptr) {
            result.problem = "the environment has no " + printable(name) + " (expected it there, or a default: ${" +
                             printable(name) + ":-default})";
        } else if (!is_utf8(value)) {
            result.problem = "the value of " + printable(name) + " in the environment is not UTF-8 (expected UTF-8 text)";
        } else {
            result.text += value;
        }
        if (!result.problem.empty() || result.text.size() > max_outside_text) break;
    }
    if (result.problem.empty() && result.text.size() > max_outside_text)
        result.problem = "too long with its variables put in (expected at most 64 KiB)";
    return result;
}

std::string with_braces(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        result += text[at];
        if (text[at] != '$' || at + 1 == text.size() || !begins_name(text[at + 1])) continue;
        result += '{';
        while (at + 1 < text.size() && continues_name(text[at + 1])) result += text[++at];
        result += '}';
    }
    return result;
}

} // namespace gatehouse::host
