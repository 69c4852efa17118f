#include "control/message.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace gatehouse::host {
namespace {

std::string problem_in(std::string_view line) {
    Question question;
    std::string problem;
    EXPECT_EQ(read_question(line, question, problem), problem.empty());
    return problem;
}

TEST(ControlMessage, AQuestionIsRead) {
    Question question;
    std::string problem;
    ASSERT_TRUE(read_question(
        R"({"id": 7, "do": "kill", "with": {"id": "web-1", "n": 3, "d": 0.5, "yes": true, "all": ["a", ""]}, "as": "text"})",
        question, problem))
        << problem;
    EXPECT_EQ(question.id, "7");
    EXPECT_EQ(question.command, "kill");
    EXPECT_TRUE(question.as_text);
    EXPECT_FALSE(question.later);
    EXPECT_EQ(
        question.with,
        (std::map<std::string, Argument>{
            {"id", "web-1"}, {"n", std::int64_t{3}}, {"d", 0.5}, {"yes", true}, {"all", std::vector<std::string>{"a", ""}}}));
    Question again; // what the client writes, the host reads
    ASSERT_TRUE(read_question(question_line(question), again, problem)) << problem;
    EXPECT_EQ(again.with, question.with);
}

TEST(ControlMessage, WhatIsNoQuestionIsRefusedAndItsIdIsToldBack) {
    EXPECT_EQ(problem_in(R"({"id": 1})"), "\"do\" is missing: the name of a command");
    EXPECT_EQ(problem_in("[]"), "it is not an object");
    EXPECT_EQ(problem_in(R"({"do": 1})"), "\"do\" is not a text");
    EXPECT_EQ(problem_in(R"({"do": "a", "with": []})"), "\"with\" is not an object");
    EXPECT_EQ(problem_in(R"({"do": "a", "with": {"b": {}}})"),
              "the argument \"b\" is neither a text, a number, true, false nor an array of texts");
    EXPECT_EQ(problem_in(R"({"do": "a", "wth": {}})"), "there is no member \"wth\" (expected one of: id, do, with, as, later)");
    EXPECT_EQ(problem_in(R"({"do": "a", "as": "xml"})"), "\"as\" is not \"text\"");
    EXPECT_EQ(problem_in(R"({"do": "a", "with": {"b": [[[[1]]]]}})"), "it is nested too deeply");
    EXPECT_EQ(problem_in(R"({"id": ")" + std::string(300, 'x') + R"(", "do": "a"})"),
              "\"id\" is neither a number nor a short text");
    EXPECT_NE(problem_in("{").find("parse error at line 1, column 2"), std::string::npos);
    EXPECT_NE(problem_in("\"\xff\"").find("ill-formed UTF-8"), std::string::npos);
    EXPECT_NE(problem_in(std::string(60'000, '[')), "");
    Question question;
    std::string problem;
    EXPECT_FALSE(read_question(R"({"do": 1, "id": "x"})", question, problem));
    EXPECT_EQ(question.id, "\"x\"");
}

TEST(ControlMessage, ATableComesBackAsItWas) {
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
    HostAnswer answer;
    answer.table = {{"text",
                     {"state", Cell::Type::state},
                     {"number", Cell::Type::number, "percent"},
                     {"bytes", Cell::Type::bytes},
                     {"seconds", Cell::Type::seconds}},
                    {"a\n\"\x01\xff",
                     Cell::state("up"),
                     {Cell::Type::number, least},
                     {Cell::Type::bytes, 1},
                     {Cell::Type::seconds, -2},
                     Cell(),
                     Cell(),
                     Cell(),
                     Cell(),
                     Cell()}};
    Reply reply;
    std::string line = answer_line({}, answer);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    ASSERT_TRUE(read_reply(line, reply));
    answer.table.cells[0] = "a\n\"\x01\u00ff"; // a byte that is not UTF-8 is taken for Latin-1
    EXPECT_EQ(reply.answer.table, answer.table);
    answer.table.columns = {{"when", Cell::Type::time}};
    answer.table.cells = {{Cell::Type::time, 1000}};
    ASSERT_TRUE(read_reply(answer_line({}, answer), reply));
    EXPECT_EQ(reply.answer.table.cells.at(0), Cell("1970-01-01T00:00:01.000Z"));
}

TEST(ControlMessage, OtherAnswers) {
    Question question;
    question.id = "\"q\"";
    HostAnswer answer;
    answer.result = Json::object().set("killed", Json::raw("3"));
    answer.text = "3 connections\n";
    EXPECT_EQ(answer_line(question, answer), "{\"id\": \"q\", \"ok\": true, \"result\": {\"killed\": 3}}\n");
    question.as_text = true;
    EXPECT_EQ(answer_line(question, answer), "{\"id\": \"q\", \"ok\": true, \"text\": \"3 connections\\u000a\"}\n");
    answer.code = "not_found";
    answer.message = "there is none";
    answer.did_you_mean = "web";
    EXPECT_EQ(answer_line(question, answer),
              "{\"id\": \"q\", \"ok\": false, \"error\": {\"code\": \"not_found\", \"message\": \"there is none\", "
              "\"did_you_mean\": \"web\"}}\n");
    Reply reply;
    ASSERT_TRUE(read_reply(answer_line(question, answer), reply));
    EXPECT_EQ(reply.answer.did_you_mean, "web");
    ASSERT_TRUE(read_reply(later_line(question, 60), reply));
    EXPECT_EQ(reply.later, 60U);
    for (const char* const bad : {"", "{}", "[]", "{\"ok\": 1}", "{\"ok\": false}", "{\"ok\": true, \"text\": 1}",
                                  R"({"ok": true, "result": {"columns": [{"name": "a", "type": "b"}], "rows": [{}]}})"
                                  "x"})
        EXPECT_FALSE(read_reply(bad, reply)) << bad;
}

TEST(ControlArguments, FitTheParametersOrAreRefused) {
    const std::vector<Parameter> parameters{{"id", Parameter::Type::text, true, "which one", false},
                                            {"n", Parameter::Type::number, false, "", false},
                                            {"for", Parameter::Type::duration, false, "", false},
                                            {"key", Parameter::Type::text, false, "", true}};
    std::string problem;
    const auto complaint = [&](std::map<std::string, Argument> given) {
        const Arguments ignored(std::move(given), parameters, problem);
        return problem;
    };
    EXPECT_EQ(complaint({}), "the argument \"id\" is missing: which one");
    EXPECT_EQ(complaint({{"id", true}}), "the argument \"id\" is not a text");
    EXPECT_EQ(complaint({{"id", ""}}), "the argument \"id\" is empty");
    EXPECT_EQ(complaint({{"id", "a"}, {"n", std::int64_t{-1}}}), "the argument \"n\" is not a whole number");
    EXPECT_EQ(complaint({{"id", "a"}, {"fro", "1s"}}), "there is no argument \"fro\" (did you mean for?)");
    EXPECT_EQ(complaint({{"id", "a"}, {"for", "1x"}}), "the argument \"for\" is not seconds, or a text such as \"10m\"");
    EXPECT_EQ(complaint({{"id", "a"}, {"for", 1e300}}), "the argument \"for\" is not seconds, or a text such as \"10m\"");
    const Arguments good({{"id", "a\n"}, {"for", 0.25}, {"key", "secret"}}, parameters, problem);
    EXPECT_EQ(problem, "");
    EXPECT_EQ(good.duration("for"), Milliseconds(250));
    EXPECT_EQ(good.number("n"), std::nullopt);
    EXPECT_EQ(good.shown(parameters), "id=a\\x0a for=250ms key=(secret)");
}

} // namespace
} // namespace gatehouse::host
