// Commands of a plugin that is made up here: what it answers, rightly and wrongly.
#include "plugin/commands.hpp"

#include "plugin/text.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <gatehouse/control.hpp>
#include <gatehouse/value.hpp>
#include <gtest/gtest.h>
#include <memory>
#include <thread>

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

void columns(const gatehouse_answer& answer, const std::vector<gatehouse::Column>& all) {
    answer.columns(answer.context, all.data(), all.size(), sizeof(gatehouse::Column));
}
void row(const gatehouse_answer& answer, const std::vector<Value>& cells) {
    answer.row(answer.context, cells.data(), cells.size(), sizeof(Value));
}

SharedErrorText error;

gatehouse_control_v2 table_of(std::span<const gatehouse_command> commands) {
    return {sizeof(gatehouse_control_v2), 0, commands.data(), commands.size(), sizeof(gatehouse_command), Plugin::run};
}

CommandAnswer run(Plugin plugin, const Texts& words = {"list"}) {
    const gatehouse_control_v2 control = table_of({});
    const auto command = std::make_shared<RunningCommand>("web", [] { ADD_FAILURE() << "it has not come later"; });
    command->run(error, control, &plugin, words);
    EXPECT_TRUE(command->is_over());
    return command->take();
}

TEST(Commands, AreListed) {
    const gatehouse_command command{str("drain"), str("SERVER"), str("takes it out"), 0, 0};
    const gatehouse_control_v2 control = table_of({&command, 1});
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
    const std::array<Longer, 2> commands{
        {{{str("drain"), str(""), str(""), 0, 0}, 1}, {{str("list"), str(""), str(""), GATEHOUSE_COMMAND_SHOWS, 0}, 2}}};
    gatehouse_control_v2 control = table_of({});
    control.commands = &commands[0].command;
    control.command_count = commands.size();
    control.command_stride = sizeof(Longer);
    EXPECT_EQ(problem_of(control), nullptr);
    const std::vector<PluginCommand> list = list_commands(&control);
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].name, "drain");
    EXPECT_FALSE(list[0].shows);
    EXPECT_EQ(list[1].name, "list");
    EXPECT_TRUE(list[1].shows);
}

TEST(Commands, TheirTableIsLookedAtFirst) {
    const gatehouse_command command{str("drain"), str("SERVER"), str("takes it out"), 0, 0};
    const gatehouse_control_v2 right = table_of({&command, 1});
    EXPECT_EQ(problem_of(right), nullptr);
    const auto problem = [&](auto spoil) {
        gatehouse_control_v2 wrong = right;
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
    const gatehouse_command unknown{str("drain"), str(""), str(""), 2, 0};
    EXPECT_STREQ(problem_of(table_of({&unknown, 1})), "has a command with a flag that the host does not know");
    const gatehouse_command reserved{str("drain"), str(""), str(""), 0, 1};
    EXPECT_STREQ(problem_of(table_of({&reserved, 1})), "has something where 0 is reserved");
}

TEST(Commands, GetTheirWordsAndAnswerWithATable) {
    const CommandAnswer answer = run({[](const Texts& words, const gatehouse_answer& out) {
                                         EXPECT_EQ(words, (Texts{"list", "all"}));
                                         columns(out, {"name",
                                                       {"state", GATEHOUSE_TYPE_STATE},
                                                       {"sent", GATEHOUSE_TYPE_BYTES},
                                                       {"for", GATEHOUSE_TYPE_SECONDS},
                                                       {"at", GATEHOUSE_TYPE_TIME},
                                                       {"no", GATEHOUSE_TYPE_NUMBER, "percent"}});
                                         row(out, {"a", Value::state("up"), Value::bytes(17), std::chrono::seconds(2),
                                                   std::chrono::system_clock::time_point(), Value()});
                                         return GATEHOUSE_OK;
                                     }},
                                     {"list", "all"});
    EXPECT_EQ(answer.error, "");
    EXPECT_EQ(answer.table.columns, (std::vector<Column>{"name",
                                                         {"state", Cell::Type::state},
                                                         {"sent", Cell::Type::bytes},
                                                         {"for", Cell::Type::seconds},
                                                         {"at", Cell::Type::time},
                                                         {"no", Cell::Type::number, "percent"}}));
    EXPECT_EQ(
        answer.table.cells,
        (std::vector<Cell>{
            "a", Cell::state("up"), {Cell::Type::bytes, 17}, {Cell::Type::seconds, 2'000'000}, {Cell::Type::time, 0}, {}}));
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

// The plugin keeps the answer, and ends it from another thread.
TEST(Commands, MayAnswerLater) {
    const gatehouse_control_v2 control = table_of({});
    const gatehouse_answer* kept = nullptr;
    Plugin plugin{[&](const Texts&, const gatehouse_answer& out) {
        kept = &out;
        return GATEHOUSE_AGAIN;
    }};
    int woken = 0;
    const auto command = std::make_shared<RunningCommand>("web", [&] { ++woken; });
    command->run(error, control, &plugin, {});
    EXPECT_FALSE(command->is_over());
    std::thread([&] {
        columns(*kept, {{"a", GATEHOUSE_TYPE_NUMBER}});
        row(*kept, {5});
        kept->done(kept->context, GATEHOUSE_OK, str(""));
    }).join();
    EXPECT_TRUE(command->is_over());
    EXPECT_EQ(woken, 1);
    const CommandAnswer answer = command->take();
    EXPECT_EQ(answer.error, "");
    EXPECT_EQ(answer.table, (CellTable{{{"a", Cell::Type::number}}, {{Cell::Type::number, 5}}}));
}

TEST(Commands, ALaterAnswerMayFailAndLearnsThatNobodyWaits) {
    const gatehouse_control_v2 control = table_of({});
    const gatehouse_answer* kept = nullptr;
    Plugin plugin{[&](const Texts&, const gatehouse_answer& out) {
        kept = &out;
        return GATEHOUSE_AGAIN;
    }};
    const auto command = std::make_shared<RunningCommand>("web", [] {});
    command->run(error, control, &plugin, {});
    EXPECT_EQ(kept->abandoned(kept->context), 0);
    command->abandon();
    EXPECT_EQ(kept->abandoned(kept->context), 1);
    columns(*kept, {{"a", GATEHOUSE_TYPE_NUMBER}}); // is not kept
    row(*kept, {1});
    kept->done(kept->context, GATEHOUSE_FAILED, str("the disk is full"));
    const CommandAnswer answer = command->take();
    EXPECT_EQ(answer.error, "the disk is full");
    EXPECT_EQ(answer.table, CellTable());
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
                  columns(out, {"a"});
                  columns(out, {"a"});
              }),
              "plugin instance web named its columns twice, or none");
    EXPECT_EQ(error([](const gatehouse_answer& out) { row(out, {"a"}); }),
              "plugin instance web gave a row that does not fit the columns");
    EXPECT_EQ(error([](const gatehouse_answer& out) {
                  columns(out, {"a"});
                  row(out, {"a", "b"});
              }),
              "plugin instance web gave a row that does not fit the columns");
    EXPECT_EQ(error([](const gatehouse_answer& out) {
                  columns(out, {"a"});
                  row(out, {5});
              }),
              "plugin instance web gave a row that does not fit the columns");
    for (const gatehouse_type unknown : {GATEHOUSE_TYPE_NONE + 0, GATEHOUSE_TYPE_TIME + 1})
        EXPECT_EQ(error([unknown](const gatehouse_answer& out) { columns(out, {{"a", unknown}}); }),
                  "plugin instance web named a column of a type that the host does not know");
    const std::string much(most_command_answer, 'x');
    EXPECT_EQ(error([&](const gatehouse_answer& out) { columns(out, {std::string_view(much)}); }),
              "plugin instance web answered with more than 4 MiB");
}

} // namespace
} // namespace gatehouse::host
