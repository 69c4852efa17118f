#include "control/message.hpp"

#include "base/log_line.hpp"
#include "base/printable.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace gatehouse::host {
namespace {

using Document = nlohmann::json;        // finds a member in logarithmic time, whatever a client sends
using Ordered = nlohmann::ordered_json; // keeps the order of members

constexpr int most_depth = 3; // the question, "with", an array of texts
constexpr std::size_t most_arguments = 64;
constexpr std::size_t longest_id = 256;

std::string json_quoted(std::string_view text) { return '"' + escape_json(text) + '"'; }

// What the parser says, without its own name and number.
std::string complaint(const Document::exception& error) {
    const std::string_view what = error.what();
    const std::size_t end = what.find("] ");
    return printable(what.substr(end == std::string_view::npos ? 0 : end + 2));
}

bool read_argument(const Document& value, Argument& argument) {
    if (value.is_string()) {
        argument = value.get<std::string>();
    } else if (value.is_boolean()) {
        argument = value.get<bool>();
    } else if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) {
        argument = value.get<double>();
    } else if (value.is_number_integer()) {
        argument = value.get<std::int64_t>();
    } else if (value.is_number_float()) {
        argument = value.get<double>();
    } else if (value.is_array()) {
        std::vector<std::string> texts;
        for (const Document& text : value) {
            if (!text.is_string()) return false;
            texts.push_back(text.get<std::string>());
        }
        argument = std::move(texts);
    } else {
        return false;
    }
    return true;
}

// One member of a question; what is wrong with it, or empty.
std::string read_member(const std::string& key, const Document& value, Question& question) {
    if (key == "id") {
        const std::string id = value.is_string() || value.is_number() || value.is_null() ? value.dump(-1, ' ', true) : "";
        if (id.empty() || id.size() > longest_id) return "\"id\" is neither a number nor a short text";
        question.id = id;
    } else if (key == "do") {
        if (!value.is_string()) return "\"do\" is not a text";
        question.command = value.get<std::string>();
    } else if (key == "with") {
        if (!value.is_object()) return "\"with\" is not an object";
        if (value.size() > most_arguments) return "\"with\" has more than 64 members";
        for (const auto& [name, one] : value.items())
            if (!read_argument(one, question.with[name]))
                return "the argument " + in_quotes(name) + " is neither a text, a number, true, false nor an array of texts";
    } else if (key == "as") {
        if (value != "text") return R"("as" is not "text")";
        question.as_text = true;
    } else if (key == "later") {
        if (!value.is_boolean()) return "\"later\" is not true or false";
        question.later = value.get<bool>();
    } else {
        return "there is no member " + in_quotes(key) + " (expected one of: id, do, with, as, later)";
    }
    return "";
}

bool read_type(const Ordered& name, Cell::Type& type) {
    for (const Cell::Type one :
         {Cell::Type::text, Cell::Type::state, Cell::Type::number, Cell::Type::bytes, Cell::Type::seconds, Cell::Type::time})
        if (name == cell_type_name(one)) {
            type = one;
            return true;
        }
    return false;
}

// A time stays a text.
Cell read_cell(const Ordered& value, Cell::Type type) {
    if (value.is_null()) return {};
    Cell cell;
    if (value.is_string()) {
        cell = value.get<std::string>();
        if (type == Cell::Type::state) cell.type = type;
        return cell;
    }
    cell.type = type;
    cell.number = type == Cell::Type::seconds ? std::llround(value.get<double>() * 1e6) : value.get<std::int64_t>();
    return cell;
}

bool read_table(const Ordered& result, CellTable& table) {
    if (!result.is_object() || !result.contains("columns") || !result.contains("rows")) return false;
    for (const Ordered& column : result["columns"]) {
        Cell::Type type{};
        if (!read_type(column.at("type"), type)) return false;
        table.columns.emplace_back(column.at("name").get<std::string>(), type, column.value("unit", ""));
    }
    for (const Ordered& row : result["rows"])
        for (const Column& column : table.columns) table.cells.push_back(read_cell(row.at(column.name), column.type));
    return true;
}

void read_answer(const Ordered& line, HostAnswer& answer) {
    if (!line.at("ok").get<bool>()) {
        const Ordered& error = line.at("error");
        answer.code = error.at("code").get<std::string>();
        answer.message = error.at("message").get<std::string>();
        answer.did_you_mean = error.value("did_you_mean", "");
        return;
    }
    answer.text = line.value("text", "");
    answer.more = line.value("more", std::uint64_t{0});
    answer.status = line.value("status", 0);
    if (!line.contains("result")) return;
    const Ordered& result = line["result"];
    if (!read_table(result, answer.table)) answer.result = Json::raw(result.dump(-1, ' ', true));
}

} // namespace

bool read_question(std::string_view line, Question& question, std::string& problem) {
    question = {};
    problem.clear();
    try {
        bool too_deep = false;
        const Document document = Document::parse(line, [&](int depth, Document::parse_event_t, const Document&) {
            too_deep = too_deep || depth > most_depth;
            return depth <= most_depth;
        });
        if (too_deep)
            problem = "it is nested too deeply";
        else if (!document.is_object())
            problem = "it is not an object";
        if (!problem.empty()) return false;
        if (document.contains("id")) problem = read_member("id", document["id"], question);
        for (const auto& [key, value] : document.items()) {
            if (!problem.empty()) return false;
            if (key != "id") problem = read_member(key, value, question);
        }
        if (problem.empty() && question.command.empty()) problem = "\"do\" is missing: the name of a command";
    } catch (const Document::exception& error) {
        problem = complaint(error);
    }
    return problem.empty();
}

std::string question_line(const Question& question) {
    Ordered line;
    line["id"] = 1;
    line["do"] = question.command;
    for (const auto& [name, value] : question.with)
        std::visit([&, &key = name](const auto& one) { line["with"][key] = one; }, value);
    if (question.as_text) line["as"] = "text";
    if (question.later) line["later"] = true;
    return line.dump(-1, ' ', true, Ordered::error_handler_t::replace) + '\n';
}

std::string answer_line(const Question& question, const HostAnswer& answer) {
    std::string line = "{\"id\": " + question.id;
    if (!answer.code.empty()) {
        line +=
            R"(, "ok": false, "error": {"code": )" + json_quoted(answer.code) + ", \"message\": " + json_quoted(answer.message);
        if (!answer.did_you_mean.empty()) line += ", \"did_you_mean\": " + json_quoted(answer.did_you_mean);
        return line + "}}\n";
    }
    line += ", \"ok\": true, ";
    if (answer.status != 0) line += "\"status\": " + std::to_string(answer.status) + ", ";
    if (question.as_text) {
        std::string text = answer.result ? answer.text : format_cells(answer.table);
        if (answer.more != 0) text += "... and " + std::to_string(answer.more) + " more\n";
        return line + "\"text\": " + json_quoted(text) + "}\n";
    }
    line += "\"result\": " + (answer.result ? answer.result->line() : json_cells_line(answer.table));
    if (answer.more != 0) line += ", \"more\": " + std::to_string(answer.more);
    return line + "}\n";
}

std::string later_line(const Question& question, std::uint64_t seconds) {
    return "{\"id\": " + question.id + ", \"later\": " + std::to_string(seconds) + "}\n";
}

bool read_reply(std::string_view line, Reply& reply) {
    reply = {};
    try {
        const Ordered document = Ordered::parse(line);
        reply.later = document.value("later", std::uint64_t{0});
        if (reply.later == 0) read_answer(document, reply.answer);
        return true;
    } catch (const Ordered::exception&) {
        return false;
    }
}

} // namespace gatehouse::host
