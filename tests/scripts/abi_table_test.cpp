// The list of the ABI's entries (sdk/tests/abi_entries.inc) is complete, and docs/abi-policy.md shows it.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path root = GATEHOUSE_SOURCE_DIR;

std::string text_of(const fs::path& file) {
    std::ifstream in(root / file);
    EXPECT_TRUE(in.is_open()) << file;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

struct Entry {
    std::string where; // a table or struct; "values"
    std::string name;
    std::string minor;
};

std::vector<Entry> entries() {
    static const std::regex line(R"((NUMBER|ENTRY)\((?:(gatehouse_\w+), )?(\w+), -?\d+, (\d+)\))");
    const std::string list = text_of("sdk/tests/abi_entries.inc");
    std::vector<Entry> found;
    for (std::sregex_iterator at(list.begin(), list.end(), line), end; at != end; ++at)
        found.push_back({(*at)[1] == "NUMBER" ? "values" : (*at)[2].str(), (*at)[3], (*at)[4]});
    return found;
}

TEST(AbiTable, IsInThePolicy) {
    std::vector<std::pair<std::string, std::string>> order; // minor and where
    std::map<std::pair<std::string, std::string>, std::string> names;
    for (const Entry& entry : entries()) {
        const std::pair key(entry.minor, entry.where);
        std::string& list = names[key];
        if (list.empty()) order.push_back(key);
        list += (list.empty() ? "`" : ", `") + entry.name + "`";
    }
    ASSERT_GT(order.size(), 10U);
    const std::string policy = text_of("docs/abi-policy.md");
    for (const auto& key : order) {
        const std::string where = key.second == "values" ? key.second : "`" + key.second + "`";
        const std::string row = "| 0." + key.first + " | " + where + " | " + names[key] + " |\n";
        EXPECT_NE(policy.find(row), std::string::npos) << row;
    }
}

TEST(AbiTable, HasEveryValueOfTheHeaders) {
    std::set<std::string> known;
    for (const Entry& entry : entries()) known.insert(entry.name);
    static const std::regex value(R"(\n\s*(GATEHOUSE_\w+) = -?\d+|\benum \{ (GATEHOUSE_\w+) = |, (GATEHOUSE_\w+) = -?\d+)");
    std::size_t count = 0;
    for (const auto& file : fs::recursive_directory_iterator(root / "sdk/include/gatehouse")) {
        if (file.path().extension() != ".h") continue;
        const std::string text = text_of(fs::relative(file.path(), root));
        for (std::sregex_iterator at(text.begin(), text.end(), value), end; at != end; ++at, ++count) {
            const std::string name = (*at)[1].str() + (*at)[2].str() + (*at)[3].str();
            EXPECT_TRUE(known.contains(name)) << name << " of " << file.path();
        }
    }
    EXPECT_GT(count, 40U);
}

} // namespace
