// Every piece of code in docs/writing-a-plugin.md stands in one of the sample files, which CTest compiles and runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::string contents(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

// The text without the spaces that begin its lines: a quote may be indented less than where it stands.
std::string unindented(const std::string& text) {
    std::istringstream lines(text);
    std::string all;
    for (std::string line; std::getline(lines, line);)
        all += line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
    return all;
}

struct Quote {
    std::string language;
    std::string text;
};

std::vector<Quote> quotes(const std::string& page) {
    std::vector<Quote> found;
    std::istringstream lines(page);
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("```")) {
            inside = !inside;
            if (inside) found.push_back({line.substr(3), ""});
        } else if (inside) {
            found.back().text += line + "\n";
        }
    }
    return found;
}

} // namespace

TEST(WritingAPlugin, QuotesCodeThatIsCompiled) {
    std::vector<std::string> samples;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(SAMPLES))
        if (entry.is_regular_file()) samples.push_back(unindented(contents(entry.path())));

    std::size_t checked = 0;
    for (const Quote& quote : quotes(contents(PAGE))) {
        if (quote.language != "cpp" && quote.language != "cmake") {
            EXPECT_TRUE(quote.language == "toml" || quote.language == "console") << "a block of \"" << quote.language << "\"";
            continue;
        }
        const std::string wanted = unindented(quote.text);
        const auto has_it = [&](const std::string& sample) { return sample.find(wanted) != sample.npos; };
        EXPECT_NE(std::find_if(samples.begin(), samples.end(), has_it), samples.end()) << "in no sample:\n" << quote.text;
        ++checked;
    }
    EXPECT_GE(checked, 10u);
}
