// The test kit's configuration: what it accepts, and its messages for everything else.
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;

namespace {

gatehouse_str str(std::string_view text) { return {text.data(), text.size()}; }

const gatehouse_host* host = nullptr;
const gatehouse_config* kept = nullptr;

// Reads one key of each kind.
gatehouse_status create(const gatehouse_host* table, gatehouse_instance*, const gatehouse_config* config, void**) noexcept {
    host = table;
    kept = config;
    gatehouse_str text{"", 0};
    std::int64_t number = 0;
    std::int32_t flag = 0;
    std::uint64_t quantity = 0;
    std::size_t count = 0;
    host->config_string(config, str("text"), 0, &text);
    host->config_integer(config, str("number"), -5, 5, &number);
    host->config_boolean(config, str("flag"), &flag);
    host->config_duration(config, str("time"), &quantity);
    host->config_size(config, str("size"), &quantity);
    host->config_count(config, str("list"), &count);
    for (std::size_t i = 0; i < count; ++i) {
        const gatehouse_config* item = nullptr;
        host->config_item(config, str("list"), i, &item);
        host->config_string(item, str("name"), 0, &text);
    }
    return GATEHOUSE_OK;
}

gatehouse_next serve(void*, gatehouse_conn*) noexcept {
    std::int32_t flag = 0;
    host->config_boolean(kept, str("flag"), &flag);
    return GATEHOUSE_NEXT_CLOSE;
}

const gatehouse_plugin plugin = [] {
    gatehouse_plugin made{};
    made.size = sizeof made;
    made.needs_minor = GATEHOUSE_NEEDS_MINOR;
    made.name = str("reader");
    made.version = str("1.0.0");
    made.create = create;
    made.serve = serve;
    return made;
}();

} // namespace

extern "C" const gatehouse_plugin* gatehouse_plugin_v1() noexcept { return &plugin; }

TEST(TestingConfig, AcceptsWhatIsRight) {
    EXPECT_EQ(Plugin::refusal({}), "");
    EXPECT_EQ(Plugin::refusal({{"text", "x"}, {"number", -5}, {"flag", false}, {"time", "1500ms"}, {"size", 65536}}), "");
    EXPECT_EQ(Plugin::refusal({{"list", List{}}}), "");
    EXPECT_EQ(Plugin::refusal({{"list", List{Table{{"name", "a"}}}}}), "");
}

TEST(TestingConfig, NamesValuesOfTheWrongType) {
    EXPECT_EQ(Plugin::refusal({{"text", 5}}), "text: wrong type: integer (expected a string)");
    EXPECT_EQ(Plugin::refusal({{"number", "5"}}), "number: wrong type: string (expected an integer from -5 to 5)");
    EXPECT_EQ(Plugin::refusal({{"number", 6}}), "number: out of range: 6 (expected an integer from -5 to 5)");
    EXPECT_EQ(Plugin::refusal({{"number", -6}}), "number: out of range: -6 (expected an integer from -5 to 5)");
    EXPECT_EQ(Plugin::refusal({{"flag", 1}}), "flag: wrong type: integer (expected true or false)");
    EXPECT_EQ(Plugin::refusal({{"list", Table{}}}), "list: wrong type: table (expected an array)");
}

TEST(TestingConfig, NamesBadQuantities) {
    for (const char* bad : {"", "30", "30 s", "-1s", "s", "30seconds", "18446744073709551616ms", "5124095576031h"})
        EXPECT_EQ(Plugin::refusal({{"time", bad}}), "time: \"" + std::string(bad) + "\" is not a duration such as \"30s\"");
    for (const char* bad : {"", "64kb", "1.5MiB", "18446744073709551615KiB"})
        EXPECT_EQ(Plugin::refusal({{"size", bad}}), "size: \"" + std::string(bad) + "\" is not a size such as \"64KiB\"");
}

TEST(TestingConfig, NamesKeysThatNobodyReads) {
    EXPECT_EQ(Plugin::refusal({{"txet", "x"}}), "txet: unknown key (known here: text, number, flag, time, size, list)");
    EXPECT_EQ(Plugin::refusal({{"list", List{Table{{"nmae", "a"}}}}}), "list[0].nmae: unknown key (known here: name)");
}

TEST(TestingConfig, ReportsEveryProblem) {
    EXPECT_EQ(Plugin::refusal({{"text", 5}, {"number", 9}}), "text: wrong type: integer (expected a string)\n"
                                                             "number: out of range: 9 (expected an integer from -5 to 5)");
}

TEST(TestingConfig, IsOverAfterCreate) {
    Plugin reader;
    try {
        reader.serve({"x"});
        FAIL() << "nothing was thrown";
    } catch (const ContractViolation& violation) {
        EXPECT_STREQ(violation.what(), "the plugin used the configuration after create(): flag");
    }
}
