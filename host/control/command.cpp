#include "control/command.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

namespace gatehouse::host {
namespace {

constexpr std::size_t longest_shown = 200; // bytes of one argument, for the log

std::string_view expected(Parameter::Type type) {
    switch (type) {
    case Parameter::Type::flag:
        return "true or false";
    case Parameter::Type::number:
        return "a whole number";
    case Parameter::Type::duration:
        return "seconds, or a text such as \"10m\"";
    case Parameter::Type::texts:
        return "an array of texts";
    case Parameter::Type::text:
        break;
    }
    return "a text";
}

// Milliseconds; nothing: it is no duration.
std::optional<std::int64_t> duration_of(const Argument& value) {
    double seconds = -1;
    if (const auto* const text = std::get_if<std::string>(&value)) {
        std::string error;
        const std::optional<Milliseconds> parsed = parse_duration(*text, error);
        if (!parsed) return std::nullopt;
        return parsed->count();
    }
    if (const auto* const whole = std::get_if<std::int64_t>(&value)) seconds = static_cast<double>(*whole);
    if (const auto* const fraction = std::get_if<double>(&value)) seconds = *fraction;
    const double most = std::chrono::duration<double>(max_duration).count();
    if (!(seconds >= 0 && seconds <= most)) return std::nullopt;
    return std::llround(seconds * 1000);
}

// -1: it is none.
std::int64_t whole_number(const std::string& text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && read == end ? number : -1;
}

// As the parameter has it; nothing: it does not fit. On a command line all are texts.
std::optional<Argument> fitting(Argument value, Parameter::Type type) {
    switch (type) {
    case Parameter::Type::flag:
        if (std::holds_alternative<bool>(value)) return value;
        if (value == Argument(std::string("true"))) return Argument(true);
        if (value == Argument(std::string("false"))) return Argument(false);
        break;
    case Parameter::Type::number:
        if (const auto* const text = std::get_if<std::string>(&value)) value = whole_number(*text);
        if (const auto* const number = std::get_if<std::int64_t>(&value); number != nullptr && *number >= 0) return value;
        break;
    case Parameter::Type::duration:
        if (const std::optional<std::int64_t> milliseconds = duration_of(value)) return Argument(*milliseconds);
        break;
    case Parameter::Type::texts:
        if (std::holds_alternative<std::vector<std::string>>(value)) return value;
        break;
    case Parameter::Type::text:
        if (const auto* const text = std::get_if<std::string>(&value); text != nullptr && !text->empty()) return value;
        break;
    }
    return std::nullopt;
}

std::string shown_value(const Argument& value, Parameter::Type type) {
    if (const auto* const text = std::get_if<std::string>(&value)) return printable(*text, longest_shown);
    if (const auto* const flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* const number = std::get_if<std::int64_t>(&value))
        return type == Parameter::Type::duration ? format_duration(Milliseconds(*number)) : std::to_string(*number);
    std::string all;
    if (const auto* const texts = std::get_if<std::vector<std::string>>(&value))
        for (const std::string& text : *texts) all += (all.empty() ? "" : ",") + text;
    return printable(all, longest_shown);
}

} // namespace

std::string who_is(const Caller& who) {
    return who.user + " (uid " + std::to_string(who.uid) + ", pid " + std::to_string(who.pid) + ")";
}

Arguments::Arguments(std::map<std::string, Argument> given, const std::vector<Parameter>& parameters, std::string& problem) {
    problem.clear();
    for (auto& [name, value] : given) {
        const auto parameter = std::find_if(parameters.begin(), parameters.end(),
                                            [&wanted = name](const Parameter& each) { return each.name == wanted; });
        if (parameter == parameters.end()) {
            std::vector<std::string> names;
            for (const Parameter& each : parameters) names.push_back(each.name);
            problem = "there is no argument " + in_quotes(name);
            if (const std::string near = did_you_mean(name, names); !near.empty()) problem += " (did you mean " + near + "?)";
            return;
        }
        const bool empty = value == Argument(std::string());
        std::optional<Argument> fits = fitting(std::move(value), parameter->type);
        if (!fits) {
            problem = "the argument " + in_quotes(name) + " is ";
            problem += empty ? std::string("empty") : "not " + std::string(expected(parameter->type));
            return;
        }
        values_.emplace(name, std::move(*fits));
    }
    for (const Parameter& parameter : parameters)
        if (parameter.required && !has(parameter.name)) {
            problem = "the argument " + in_quotes(parameter.name) + " is missing: " + parameter.meaning;
            return;
        }
}

const Argument* Arguments::find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
}

bool Arguments::flag(std::string_view name) const {
    const Argument* const value = find(name);
    return value != nullptr && std::get<bool>(*value);
}

std::string Arguments::text(std::string_view name) const {
    const Argument* const value = find(name);
    return value != nullptr ? std::get<std::string>(*value) : "";
}

std::optional<std::int64_t> Arguments::number(std::string_view name) const {
    const Argument* const value = find(name);
    if (value == nullptr) return std::nullopt;
    return std::get<std::int64_t>(*value);
}

std::optional<Milliseconds> Arguments::duration(std::string_view name) const {
    const std::optional<std::int64_t> milliseconds = number(name);
    if (!milliseconds) return std::nullopt;
    return Milliseconds(*milliseconds);
}

std::vector<std::string> Arguments::texts(std::string_view name) const {
    const Argument* const value = find(name);
    return value != nullptr ? std::get<std::vector<std::string>>(*value) : std::vector<std::string>();
}

std::string Arguments::shown(const std::vector<Parameter>& parameters) const {
    std::string all;
    for (const Parameter& parameter : parameters) {
        const Argument* const value = find(parameter.name);
        if (value == nullptr) continue;
        all += (all.empty() ? "" : " ") + parameter.name + '=';
        all += parameter.is_secret ? "(secret)" : shown_value(*value, parameter.type);
    }
    return all;
}

HostAnswer failure(std::string code, std::string message, std::string did_you_mean) {
    HostAnswer answer;
    answer.code = std::move(code);
    answer.message = std::move(message);
    answer.did_you_mean = std::move(did_you_mean);
    return answer;
}

HostAnswer no_such(std::string_view what, const std::string& name, const std::vector<std::string>& names) {
    std::string text = "there is no " + std::string(what) + " " + in_quotes(name);
    std::string near = did_you_mean(name, names);
    if (near.empty() && !names.empty()) {
        std::string all;
        for (const std::string& each : names) all += (all.empty() ? "" : ", ") + each;
        text += " (there are: " + all + ")";
    }
    return failure("not_found", std::move(text), std::move(near));
}

HostCommand::Answer HostCommand::at_once(HostAnswer answer) {
    return [answer = std::move(answer)]() mutable -> std::optional<HostAnswer> { return std::move(answer); };
}

HostCommand::Answer HostCommand::fails(std::string code, std::string message) {
    return at_once(failure(std::move(code), std::move(message)));
}

} // namespace gatehouse::host
