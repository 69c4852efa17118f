// Commands of a plugin that is made up here: what it answers, rightly and wrongly.
#include "plugin/commands.hpp"

#include "plugin/text.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <gatehouse/ext/control.h>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

using Texts = std::vector<std::string>;

// What the command does, as `self` of the plugin.
struct Plugin {
    std::function<gatehouse_status(const Texts& words, const gatehouse_answer& answer)> command;

    static gatehouse_status run(void* self, const gatehouse_str* words, std::size_t count,
                                const gatehouse_answer* answer) noexcept {
        Texts texts;
        for (std::size_t i = 0; i < count; ++i) texts.emplace_back(words[i].data, words[i].size);
        return static_cast<Plugin*>(self)->command(texts, *answer);
    }
};

void columns(const gatehouse_answer& answer, const std::vector<gatehouse_str>& names) {
    answer.columns(answer.context, names.data(), names.size());
}
void row(const gatehouse_answer& answer, const std::vector<gatehouse_str>& cells) {
    answer.row(answer.context, cells.data(), cells.size());
}

SharedErrorText error;

gatehouse_control_v1 table_of(std::span<const gatehouse_command> commands) {
    return {sizeof(gatehouse_control_v1), 0, commands.data(), commands.size(), sizeof(gatehouse_command), Plugin::run};
}

CommandAnswer run(Plugin plugin, const Texts& words = {"list"}) {
    const gatehouse_control_v1 control = table_of({});
    return run_command("web", error, control, &plugin, words);
}

TEST(Commands, AreListed) {
    const gatehouse_command command{str("drain"), str("SERVER"), str("takes it out")};
    const gatehouse_control_v1 control = table_of({&command, 1});
    const std::vector<PluginCommand> list = list_commands(&control);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].name, "drain");
    EXPECT_EQ(list[0].arguments, "SERVER");
    EXPECT_EQ(list[0].summary, "takes it out");
    EXPECT_TRUE(list_commands(nullptr).empty());
}

TEST(Commands, MayBeOfALaterMinor) {
    struct Longer {
        gatehouse_command command;
        std::uint64_t what_is_new;
    };
    const std::array<Longer, 2> commands{{{{str("drain"), str(""), str("")}, 1}, {{str("list"), str(""), str("")}, 2}}};
    gatehouse_control_v1 control = table_of({});
    control.commands = &commands[0].command;
    control.command_count = commands.size();
    control.command_stride = sizeof(Longer);
    EXPECT_EQ(problem_of(control), nullptr);
    const std::vector<PluginCommand> list = list_commands(&control);
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].name, "drain");
    EXPECT_EQ(list[1].name, "list");
}

TEST(Commands, TheirTableIsLookedAtFirst) {
    const gatehouse_command command{str("drain"), str("SERVER"), str("takes it out")};
    const gatehouse_control_v1 right = table_of({&command, 1});
    EXPECT_EQ(problem_of(right), nullptr);
    const auto problem = [&](auto spoil) {
        gatehouse_control_v1 wrong = right;
        spoil(wrong);
        const char* const what = problem_of(wrong);
        return std::string(what != nullptr ? what : "");
    };
    EXPECT_EQ(problem([](auto& wrong) { wrong.size = 0; }), "is too short");
    EXPECT_EQ(problem([](auto& wrong) { --wrong.size; }), "is too short");
    EXPECT_EQ(problem([](auto& wrong) { wrong.reserved = 1; }), "has something where 0 is reserved");
    EXPECT_EQ(problem([](auto& wrong) { wrong.command_stride = 0; }), "has commands that are too short");
    EXPECT_EQ(problem([](auto& wrong) { wrong.commands = nullptr; }), "has commands that are too short");
    EXPECT_EQ(problem([](auto& wrong) { wrong.run = nullptr; }), "has no run()");
}

TEST(Commands, GetTheirWordsAndAnswerWithATable) {
    const CommandAnswer answer = run({[](const Texts& words, const gatehouse_answer& out) {
                                         EXPECT_EQ(words, (Texts{"list", "all"}));
                                         columns(out, {str("name"), str("state")});
                                         row(out, {str("a"), str("up")});
                                         return GATEHOUSE_OK;
                                     }},
                                     {"list", "all"});
    EXPECT_EQ(answer.error, "");
    EXPECT_EQ(answer.columns, 2U);
    EXPECT_EQ(answer.cells, (Texts{"name", "state", "a", "up"}));
}

TEST(Commands, FailuresAreExplainedByThePlugin) {
    error.set("of an earlier call");
    const CommandAnswer silent = run({[](const Texts&, const gatehouse_answer&) { return GATEHOUSE_FAILED; }});
    EXPECT_EQ(silent.status, GATEHOUSE_FAILED);
    EXPECT_EQ(silent.error, "web did not say why (status -10)");
    const CommandAnswer said = run({[](const Texts&, const gatehouse_answer&) {
        error.set("there is no such server");
        return GATEHOUSE_INVALID;
    }});
    EXPECT_EQ(said.error, "there is no such server");
}

TEST(Commands, TablesThatAreNoneAreRefused) {
    const auto error = [](const std::function<void(const gatehouse_answer&)>& fill) {
        return run({[&](const Texts&, const gatehouse_answer& out) {
                   fill(out);
                   return GATEHOUSE_OK;
               }})
            .error;
    };
    EXPECT_EQ(error([](const gatehouse_answer& out) { columns(out, {}); }),
              "plugin instance web named its columns twice, or none");
    EXPECT_EQ(error([](const gatehouse_answer& out) {
                  columns(out, {str("a")});
                  columns(out, {str("a")});
              }),
              "plugin instance web named its columns twice, or none");
    EXPECT_EQ(error([](const gatehouse_answer& out) { row(out, {str("a")}); }),
              "plugin instance web gave a row that does not fit the columns");
    EXPECT_EQ(error([](const gatehouse_answer& out) {
                  columns(out, {str("a")});
                  row(out, {str("a"), str("b")});
              }),
              "plugin instance web gave a row that does not fit the columns");
    const std::string much(most_command_answer, 'x');
    EXPECT_EQ(error([&](const gatehouse_answer& out) { columns(out, {str(much)}); }),
              "plugin instance web answered with more than 4 MiB");
}

} // namespace
} // namespace gatehouse::host
