// docs/walk.md names functions of the host as `room/file.cpp:function`. Each of them must exist.
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

// Definitions start in the first column; calls, and what is declared inside of a class, do not.
bool defines(const fs::path& file, const std::string& function) {
    const std::regex definition(R"(^[A-Za-z][^;/]*[ :*&])" + function + R"(\()");
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        if (std::regex_search(line, definition)) return true;
    return false;
}

struct Walk {
    std::size_t steps = 0;
    Lines stale; // steps that name nothing
};

Walk check(const std::string& page, const fs::path& host) {
    static const std::regex step(R"(`([\w/]+\.cpp):(\w+)`)");
    Walk walk;
    for (std::sregex_iterator at(page.begin(), page.end(), step), end; at != end; ++at, ++walk.steps) {
        const auto& match = *at;
        if (!fs::exists(host / match.str(1)))
            walk.stale.push_back(match.str(0) + ": no such file");
        else if (!defines(host / match.str(1), match.str(2)))
            walk.stale.push_back(match.str(0) + ": no such function");
    }
    return walk;
}

TEST(Walk, EveryStepExists) {
    std::ifstream in(GATEHOUSE_SOURCE_DIR "/docs/walk.md");
    const std::string page(std::istreambuf_iterator<char>(in), {});
    const Walk walk = check(page, GATEHOUSE_SOURCE_DIR "/host");
    EXPECT_EQ(walk.stale, Lines{});
    EXPECT_GE(walk.steps, 40U);
}

TEST(Walk, NoticesAStepThatIsGone) {
    const Walk walk =
        check("1. `main.cpp:main` calls `main.cpp:parse` and `base/nothing.cpp:run`.", GATEHOUSE_SOURCE_DIR "/host");
    EXPECT_EQ(walk.stale, (Lines{"`main.cpp:parse`: no such function", "`base/nothing.cpp:run`: no such file"}));
    EXPECT_EQ(walk.steps, 3U);
}

// A call of a function is no definition of it.
TEST(Walk, ACallIsNotEnough) {
    const Walk walk = check("`main.cpp:run_command`", GATEHOUSE_SOURCE_DIR "/host");
    EXPECT_EQ(walk.stale, Lines{"`main.cpp:run_command`: no such function"});
}

} // namespace
} // namespace gatehouse
