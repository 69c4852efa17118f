// Variables and secrets: what values are made of them, and that no message shows them.
#include "config/outside_texts.hpp"

#include "config/config_folder.hpp"
#include "config/document.hpp"
#include "config/load.hpp"
#include "config/plugin_settings.hpp"
#include "config/toml.hpp"
#include "config/variables.hpp"
#include "sanitizer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

// A variable of the environment for as long as this lives.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { ::unsetenv(name_); }

  private:
    const char* name_;
};

std::string with_keys(const std::string& keys) {
    return "[[listeners]]\nname = 'a'\naddress = '127.0.0.1:0'\nplugin = 'web'\n" + keys;
}

std::string problems_with(const std::string& text, const std::filesystem::path& file = "x.toml") {
    try {
        parse_config(text, file);
        return "";
    } catch (const ConfigError& error) {
        return error.what();
    }
}

TEST(Variables, AreReplaced) {
    const Variable name("GH_NAME", "value");
    const Variable empty("GH_EMPTY", "");
    const std::vector<std::pair<std::string, std::string>> texts{
        {"", ""},
        {"plain $ text $", "plain $ text $"},
        {"${GH_NAME}", "value"},
        {"a${GH_NAME}b${GH_NAME}c", "avaluebvaluec"},
        {"${GH_NAME:-other}", "value"},
        {"${GH_NONE:-other}", "other"},
        {"${GH_NONE:-}", ""},
        {"${GH_NONE:-a:-b$}", "a:-b$"},
        {"${GH_EMPTY}|${GH_EMPTY:-unset}", "|unset"},
        {"$${GH_NAME}", "${GH_NAME}"},
        {"$$$ ${GH_NAME}$", "$$$ value$"},
        {"{GH_NAME}$GH_NAME", "{GH_NAME}$GH_NAME"},
    };
    for (const auto& [text, expected] : texts) {
        const Expanded expanded = expand_variables(text);
        EXPECT_EQ(expanded.text, expected);
        EXPECT_EQ(expanded.problem, "") << text;
    }
}

TEST(Variables, WhatIsWrongWithThem) {
    const Variable foreign("GH_FOREIGN", "\xff");
    const std::string how = " (expected ${NAME} or ${NAME:-default}; $${ stands for ${ itself)";
    const std::vector<std::pair<std::string, std::string>> texts{
        {"a ${GH_NONE", "\"${GH_NONE\" has no }" + how},
        {"${}", "\"${}\" names no variable" + how},
        {"${:-x}", "\"\" is not the name of a variable (expected letters, digits and _, without a digit first)"},
        {"${my-name}", "\"${my-name}\" is more than a variable's name (expected ${my}, or ${my:-default})"},
        {"${A:=x}", "\"${A:=x}\" is more than a variable's name (expected ${A}, or ${A:-default})"},
        {"${1}", "\"1\" is not the name of a variable (expected letters, digits and _, without a digit first)"},
        {"${GH NONE}", "\"GH NONE\" is not the name of a variable (expected letters, digits and _, without a digit first)"},
        {"${A:-${B}}", "a default cannot have a variable in it: \"${A:-${B}\" (expected a text without ${)"},
        {"${GH_NONE}", "the environment has no GH_NONE (expected it there, or a default: ${GH_NONE:-default})"},
        {"${GH_FOREIGN}", "the value of GH_FOREIGN in the environment is not UTF-8 (expected UTF-8 text)"},
    };
    for (const auto& [text, problem] : texts) EXPECT_EQ(expand_variables(text).problem, problem) << text;
    // Of several only the first: of a long text with many there is one message, and a short one.
    EXPECT_EQ(expand_variables("${GH_NONE} ${GH_NONE2} ${").problem, texts[8].second);
    for (const char* const end : {"}", ":=x}", ":-${x}"})
        EXPECT_LT(expand_variables("${" + std::string(100'000, 'N') + end).problem.size(), 1000U);
}

TEST(Variables, ResultsAreBounded) {
    const std::string kib(1024, 'x');
    const Variable large("GH_LARGE", kib.c_str());
    std::string text;
    for (int i = 0; i < 64; ++i) text += "${GH_LARGE}";
    EXPECT_EQ(expand_variables(text).text.size(), 64U * 1024);
    EXPECT_EQ(expand_variables(text + "x").problem, "too long with its variables put in (expected at most 64 KiB)");
}

TEST(OutsideTexts, AreBoundedTogether) {
    const std::string kib(60 * 1024, 'x');
    const Variable large("GH_LARGE", kib.c_str());
    const ConfigFolder folder;
    folder.write("large", kib);
    const auto list = [](const std::string& item, int count) {
        std::string text = "list = [";
        for (int i = 0; i < count; ++i) text += item + ", ";
        return text + "]\n";
    };
    const std::string what = "the texts from variables and files are too large (expected at most 64 MiB together)";
    const int most = (64 << 10) / 60;
    EXPECT_EQ(problems_with(with_keys("[plugins.web.config]\n" + list("'${GH_LARGE}'", most + 1))),
              "x.toml:6:" + std::to_string(9 + most * 15) + ": plugins.web.config.list: " + what);
    // Names of files that are included, and texts of files, count as well.
    folder.write("x.toml", "include = [" + list("'${GH_LARGE}'", most + 1).substr(8));
    try {
        load_config(folder / "x.toml");
        ADD_FAILURE();
    } catch (const ConfigError& error) {
        EXPECT_TRUE(std::ranges::any_of(error.problems(), [&](const ConfigProblem& problem) { return problem.what == what; }));
    }
    const Config config = parse_config(with_keys("[plugins.web.config]\n" + list("'${GH_LARGE}'", most - 1) +
                                                 "a = { file = 'large' }\nb = { file = 'large' }\n"),
                                       folder / "x.toml");
    const gatehouse_config& settings = *config.plugins.at(0).settings;
    settings.begin();
    gatehouse_str text{};
    EXPECT_EQ(settings.string("a", true, text), GATEHOUSE_OK);
    EXPECT_EQ(settings.string("b", true, text), GATEHOUSE_INVALID);
    EXPECT_EQ(settings.problems_so_far(),
              std::vector<std::string>{(folder / "x.toml").string() + ":8:5: plugins.web.config.b: " + what});
}

// Or it would be an empty password.
TEST(OutsideTexts, OneForWhichThereIsNoMemoryIsReadAgain) {
    if (sanitized) GTEST_SKIP() << "a sanitizer needs all addresses";
    const ConfigFolder folder;
    folder.write("password", "hunter2\n");
    const auto document = parse_toml("a = { file = 'password' }", 0);
    const toml::node& node = *document->get("a");
    OutsideTexts texts;
    const std::filesystem::path large = std::string(40 << 20, 'x'); // malloc() maps so much anew
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit before{};
    ::getrlimit(RLIMIT_AS, &before);
    const rlimit low{pages * static_cast<std::size_t>(::getpagesize()) + (8 << 20), before.rlim_max};
    ::setrlimit(RLIMIT_AS, &low);
    EXPECT_THROW(texts.of_file(node, large), std::bad_alloc);
    ::setrlimit(RLIMIT_AS, &before);
    EXPECT_EQ(texts.of_file(node, folder / "").text, "hunter2");
}

TEST(OutsideTexts, AreReadAsTheTypeOfTheKey) {
    const Variable port("GH_PORT", "7007");
    const Variable yes("GH_YES", "true");
    const Variable time("GH_TIME", "7s");
    const Variable word("GH_WORD", "refuse");
    const ConfigFolder folder;
    folder.write("backlog", "77\n");
    const Config config =
        parse_config("[[listeners]]\nname = 'x-${GH_PORT}'\naddress = '127.0.0.1:${GH_PORT}'\nplugin = 'web'\n"
                     "max_connections = '${GH_PORT}'\nipv6_only = '${GH_YES}'\nidle_timeout = '${GH_TIME}'\n"
                     "when_full = '${GH_WORD}'\nbacklog = { file = 'backlog' }\nallow = ['${GH_NET:-10.0.0.0/8}']\n"
                     "receive_buffer = '${GH_SIZE:-64KiB}'\n"
                     "routes = [{ sni = { file = 'backlog' }, plugin = 'web' }, { probe = '${GH_YES}', plugin = 'web' }, "
                     "{ probe = '${GH_PROBE:-ssh}', plugin = 'web' }]\n"
                     "[log]\nfile = '$${x}'\n",
                     folder / "x.toml");
    const ListenerConfig& listener = config.listeners.at(0);
    EXPECT_EQ(listener.name, "x-7007");
    EXPECT_EQ(listener.address.port, 7007);
    EXPECT_EQ(listener.max_connections, 7007U);
    EXPECT_TRUE(listener.ipv6_only);
    EXPECT_EQ(listener.idle_timeout.count(), 7000);
    EXPECT_EQ(listener.when_full, WhenFull::refuse);
    EXPECT_EQ(listener.backlog, 77);
    EXPECT_EQ(listener.receive_buffer, 65536U);
    EXPECT_EQ(listener.access.allow.size(), 1U);
    EXPECT_EQ(listener.routes.at(0).sni, std::vector<std::string>{"77"});
    EXPECT_TRUE(listener.routes.at(1).probe);
    EXPECT_EQ(listener.routes.at(2).pattern, "ssh");
    EXPECT_EQ(config.log.file, folder / "${x}");
}

TEST(OutsideTexts, AllThatAreMissingAreNamedAndNothingFollows) {
    EXPECT_EQ(
        problems_with("[[listeners]]\nname = '${GH_A}'\naddress = '${GH_B}:${GH_C}'\nplugin = 'web'\nbacklog = '${GH_D}'\n"
                      "nodelay = '${GH_E'\n[plugins.web.config]\n'a b' = [{ x = '${GH_F}' }]\n"),
        "x.toml:2:8: listeners.name: the environment has no GH_A (expected it there, or a default: ${GH_A:-default})\n"
        "x.toml:3:11: listeners.address: the environment has no GH_B (expected it there, or a default: ${GH_B:-default})\n"
        "x.toml:5:11: listeners.backlog: the environment has no GH_D (expected it there, or a default: ${GH_D:-default})\n"
        "x.toml:6:11: listeners.nodelay: \"${GH_E\" has no } (expected ${NAME} or ${NAME:-default}; $${ stands for ${ itself)\n"
        "x.toml:8:16: plugins.web.config.\"a b\".x: the environment has no GH_F (expected it there, or a default: "
        "${GH_F:-default})");
}

TEST(OutsideTexts, AFileIsATextWithoutItsEndOfLine) {
    const ConfigFolder folder;
    folder.write("secrets/a", "cert.pem\r\n");
    folder.write("two", "a\n\n");
    const Config config =
        parse_config("[log]\nfile = { file = 'secrets/a' }\n" + with_keys("[plugins.web]\nconfig = { x = { file = 'two' } }\n"),
                     folder / "x.toml");
    EXPECT_EQ(config.log.file, folder / "cert.pem");
    const gatehouse_config& settings = *config.plugins.at(0).settings;
    for (int round = 0; round < 2; ++round) { // as long as the configuration lives it is the same
        settings.begin();
        gatehouse_str value{};
        EXPECT_EQ(settings.string("x", true, value), GATEHOUSE_OK);
        EXPECT_EQ(std::string(value.data, value.size), "a\n");
        EXPECT_EQ(settings.problems(), std::vector<std::string>{});
        folder.write("two", "changed");
    }
}

TEST(OutsideTexts, AFileThatCannotBeHadIsAProblemAtItsPlace) {
    const ConfigFolder folder;
    folder.write("nul", std::string("a\0b", 3));
    folder.write("large", std::string(64 * 1024 + 1, 'x'));
    const std::string at = (folder / "x.toml").string() + ":5:9: listeners.owner: ";
    const auto problem = [&](const std::string& value) {
        const std::string text = problems_with(
            "[[listeners]]\nname = 'a'\naddress = 'unix:/a'\nplugin = 'web'\nowner = " + value + "\n", folder / "x.toml");
        return text.starts_with(at) ? text.substr(at.size()) : text;
    };
    const std::string in = folder.path().string();
    EXPECT_EQ(problem("{ file = 'none' }"), in + "/none: cannot be opened: No such file or directory");
    EXPECT_EQ(problem("{ file = '' }"), "the name of the file is empty");
    EXPECT_EQ(problem("{ file = '.' }"), in + "/.: is a directory (expected a text file)");
    EXPECT_EQ(problem("{ file = 'nul' }"), in + "/nul:1:2: NUL byte (expected UTF-8 text)");
    EXPECT_EQ(problem("{ file = 'large' }"), in + "/large: is too large (expected at most 64 KiB)");
    EXPECT_EQ(problem("{ file = 5 }"), "wrong type: table (expected a string, or { file = \"PATH\" } alone)");
    EXPECT_EQ(problem("{ file = 'none', x = 1 }"), "wrong type: table (expected a string, or { file = \"PATH\" } alone)");
    const Variable name("GH_FILE", "/secret/place");
    EXPECT_EQ(problem("{ file = '${GH_FILE}' }"), "\"${GH_FILE}\": cannot be opened: No such file or directory");
}

// Whatever is wrong with a value from outside, the message says it without the value.
TEST(OutsideTexts, AreNotShown) {
    const ConfigFolder folder;
    const auto problem = [&](const std::string& key, const std::string& value, const std::string& of_key) {
        const Variable variable("GH_X", value.c_str());
        folder.write("x", value);
        const std::string text = problems_with(with_keys(key + " = " + of_key + "\n"), folder / "x.toml");
        EXPECT_EQ(text.find(value), std::string::npos) << text;
        const std::size_t begin = text.find(": listeners.");
        return begin == std::string::npos ? text : text.substr(begin + 12);
    };
    const std::string variable = "\"${GH_X}\"";
    EXPECT_EQ(problem("backlog", "hunter2", variable),
              "backlog: \"${GH_X}\" is not an integer (expected an integer from 1 to 65535)");
    EXPECT_EQ(problem("backlog", "1234567", variable),
              "backlog: out of range: \"${GH_X}\" (expected an integer from 1 to 65535)");
    EXPECT_EQ(problem("nodelay", "hunter2", variable), "nodelay: \"${GH_X}\" is neither true nor false (expected one of them)");
    EXPECT_EQ(problem("when_full", "refused", variable),
              "when_full: unknown value \"${GH_X}\" (expected \"wait\" or \"refuse\"; did you mean \"refuse\"?)");
    EXPECT_EQ(
        problem("idle_timeout", "77parsecs", variable),
        "idle_timeout: \"${GH_X}\" is wrong here (expected a duration such as \"1500ms\", \"30s\", \"5m\", \"2h\" or \"1d\")");
    EXPECT_EQ(problem("receive_buffer", "77XB", variable),
              "receive_buffer: \"${GH_X}\" is wrong here (expected a size such as 512, \"64KiB\" or \"10MB\")");
    EXPECT_EQ(problem("allow", "10.77.88.99/31", "['${GH_X}']"), "allow: \"${GH_X}\" has bits set beyond its length");
    EXPECT_EQ(problem("tls", "hunter2", variable), "tls: there is no [tls.\"${GH_X}\"]");
    const std::string secret = "the text of \"x\"";
    EXPECT_EQ(problem("when_full", "hunter2", "{ file = 'x' }"),
              "when_full: unknown value " + secret + " (expected \"wait\" or \"refuse\")");
    EXPECT_EQ(problem("deny_file", "hunter2", "{ file = 'x' }"),
              "deny_file: " + folder.path().string() + "/" + secret + ": cannot be opened: No such file or directory");
    EXPECT_EQ(problem("allow", "hunter2", "[{ file = 'x' }]"),
              "allow: " + secret +
                  " is not a network (expected a network such as \"192.0.2.0/24\" or \"2001:db8::/32\", or an address)");
}

TEST(OutsideTexts, ArePutIntoAPluginsKeysAndNotShownByItEither) {
    const Variable port("GH_PORT", "7007");
    const Variable word("GH_SECRET", "hunter2");
    const Config config =
        parse_config(with_keys("[plugins.web.config]\nport = '${GH_PORT}'\nname = 'a-${GH_SECRET}'\n"), "x.toml");
    const gatehouse_config& settings = *config.plugins.at(0).settings;
    settings.begin();
    std::int64_t number = 0;
    EXPECT_EQ(settings.integer("port", 0, 10'000, number), GATEHOUSE_OK);
    EXPECT_EQ(number, 7007);
    gatehouse_str name{};
    EXPECT_EQ(settings.string("name", true, name), GATEHOUSE_OK);
    EXPECT_EQ(std::string(name.data, name.size), "a-hunter2");
    settings.reject("name", "nobody is called a-hunter2 here");
    EXPECT_EQ(settings.problems(),
              std::vector<std::string>{"x.toml:7:8: plugins.web.config.name: nobody is called \"a-${GH_SECRET}\" here"});
}

TEST(OutsideTexts, AreEqualByWhatTheySay) {
    const ConfigFolder folder;
    folder.write("one", "hunter2\n");
    folder.write("other", "hunter2");
    const auto parsed = [&](const std::string& keys) {
        Config config = parse_config(with_keys("[plugins.web.config]\n" + keys), folder / "x.toml");
        gatehouse_str ignored{};
        config.plugins.at(0).settings->begin();
        config.plugins.at(0).settings->string("password", false, ignored); // as create() would
        return config;
    };
    const std::string plain = "password = 'hunter2'\nport = 7007\nlog = true\n";
    const Variable port("GH_PORT", "7007");
    const Variable yes("GH_YES", "true");
    const Config by_file = parsed("password = { file = 'one' }\nport = '${GH_PORT}'\nlog = '${GH_YES}'\n");
    EXPECT_EQ(by_file, parsed(plain));
    EXPECT_EQ(parsed(plain), by_file);
    EXPECT_EQ(by_file, parsed("password = { file = 'other' }\nport = 7007\nlog = true\n"));
    EXPECT_FALSE(by_file == parsed("password = { file = 'one' }\nport = 7008\nlog = true\n"));
    // A file that has changed meanwhile: what was read counts.
    folder.write("one", "hunter3\n");
    EXPECT_FALSE(by_file == parsed("password = { file = 'one' }\nport = 7007\nlog = true\n"));
    EXPECT_EQ(by_file, parsed("password = { file = 'other' }\nport = 7007\nlog = true\n"));
}

// A table with the key `file` may be no text at all: then its name counts as well.
TEST(OutsideTexts, ATableThatNobodyReadsAsATextIsEqualByItsNameToo) {
    const ConfigFolder folder;
    folder.write("one", "");
    folder.write("other", "");
    const auto parsed = [&](const std::string& name) {
        return parse_config(with_keys("[plugins.web.config]\nlog = { file = '" + name + "' }\n"), folder / "x.toml");
    };
    EXPECT_EQ(parsed("one"), parsed("one"));
    EXPECT_EQ(parsed("none"), parsed("none"));
    EXPECT_FALSE(parsed("one") == parsed("other"));
    EXPECT_FALSE(parsed("one") == parsed("none"));
}

} // namespace
} // namespace gatehouse::host
