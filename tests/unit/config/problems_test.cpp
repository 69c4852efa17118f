// Problems as structures: their parts, and the texts that they come from and become.
#include "config/problems.hpp"

#include "config/check_report.hpp"
#include "config/load.hpp"
#include "text_files.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

std::string parts(std::string_view what) {
    const ProblemParts found = parts_of_problem(what);
    return found.message + '|' + found.expected + '|' + found.suggestion;
}

TEST(ConfigProblem, HasParts) {
    EXPECT_EQ(parts("empty"), "empty||");
    EXPECT_EQ(parts("missing (expected a string)"), "missing|a string|");
    EXPECT_EQ(parts("unknown key (did you mean \"root\"?)"), "unknown key||root");
    EXPECT_EQ(parts("unknown value \"x\" (expected \"a\" or \"b\"; did you mean \"a\"?)"),
              "unknown value \"x\"|\"a\" or \"b\"|a");
    EXPECT_EQ(parts("there is no [plugins.x] (did you mean \"y\"? If not, add an empty [plugins.x] section)"),
              "there is no [plugins.x]. If not, add an empty [plugins.x] section||y");
    EXPECT_EQ(parts("wrong (with more) (expected this (or that))"), "wrong (with more)|this (or that)|");
    EXPECT_EQ(parts("a duration (expected one) (expected a duration such as \"5s\")"),
              "a duration (expected one)|a duration such as \"5s\"|");
    EXPECT_EQ(parts("unknown key (known here: a, b)"), "unknown key (known here: a, b)||");
    EXPECT_EQ(parts("not closed (expected x"), "not closed (expected x||");
}

std::string problem(std::string_view text) {
    const ConfigProblem found = problem_of_text(text, "conf.toml");
    return found.file + '|' + std::to_string(found.line) + '|' + std::to_string(found.column) + '|' + found.key + '|' +
           found.what;
}

TEST(ConfigProblem, IsFoundInATextOfOthers) {
    EXPECT_EQ(problem("/a/x.toml:3:4: plugins.web.config.root: missing (expected a string)"),
              "/a/x.toml|3|4|plugins.web.config.root|missing (expected a string)");
    EXPECT_EQ(problem("x.toml:3:4: plugin web refused to start: no"), "x.toml|3|4||plugin web refused to start: no");
    EXPECT_EQ(problem("cannot bind 127.0.0.1:80: Address in use (x.toml:3:4)"),
              "x.toml|3|4||cannot bind 127.0.0.1:80: Address in use");
    EXPECT_EQ(problem("conf.toml: log.file: cannot open /x"), "conf.toml|0|0|log.file|cannot open /x");
    EXPECT_EQ(problem("as the user of [process]: x.toml:3:4: plugins.web.config.root: /srv: no"),
              "x.toml|3|4|plugins.web.config.root|as the user of [process]: /srv: no");
    EXPECT_EQ(problem("out of memory"), "conf.toml|0|0||out of memory");
}

// Whatever the readers say can be put together again.
TEST(ConfigProblem, PartsOfEachMistakeMakeItAgain) {
    std::size_t with_hints = 0;
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator(source / "tests/unit/config/bad_configs")) {
        for (const std::string& line : lines_of(contents(entry.path()))) {
            if (!line.starts_with("#: ")) break;
            const ConfigProblem found = problem_of_text(line.substr(3), "");
            EXPECT_EQ(found.text(), line.substr(3));
            const ProblemParts all = parts_of_problem(found.what);
            if (all.expected.empty() && all.suggestion.empty()) continue;
            ++with_hints;
            if (found.what.find("? If not") == std::string::npos) EXPECT_EQ(all.whole(), found.what) << entry.path();
        }
    }
    EXPECT_GT(with_hints, 100U);
}

TEST(CheckReport, IsOneDocument) {
    const std::vector<ConfigProblem> problems{
        {"a\"b.toml", 3, 4, "log.level", "unknown value \"x\" (expected \"info\"; did you mean \"y\"?)"},
        {"x.toml", 0, 0, "", "is a directory"}};
    EXPECT_EQ(check_report("x.toml", nullptr, problems), R"({
  "ok": false,
  "file": "x.toml",
  "listeners": null,
  "plugins": null,
  "problems": [
    {
      "file": "a\"b.toml",
      "line": 3,
      "column": 4,
      "key": "log.level",
      "message": "unknown value \"x\"",
      "expected": "\"info\"",
      "suggestion": "y"
    },
    {
      "file": "x.toml",
      "line": null,
      "column": null,
      "key": null,
      "message": "is a directory",
      "expected": null,
      "suggestion": null
    }
  ]
}
)");
    const Config config = parse_config("[[listeners]]\nname = 'a'\naddress = 'localhost:1'\nplugin = 'echo'\n", "x.toml");
    EXPECT_EQ(check_report("x.toml", &config, {}),
              "{\n  \"ok\": true,\n  \"file\": \"x.toml\",\n  \"listeners\": 1,\n  \"plugins\": 1,\n  \"problems\": []\n}\n");
}

} // namespace
} // namespace gatehouse::host
