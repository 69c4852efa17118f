// `gatehouse plugin new` with the templates of the SDK. Whether what it writes builds is tested in tests/package.
#include "new_plugin.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

const fs::path templates = fs::path(GATEHOUSE_SOURCE_DIR) / "sdk/templates";

class NewPluginTest : public ::testing::Test {
  protected:
    NewPluginTest() {
        std::string pattern = (fs::temp_directory_path() / "new-plugin-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
        parent_ = pattern;
    }
    ~NewPluginTest() override { fs::remove_all(parent_); }

    std::string refusal(const NewPlugin& plugin, const fs::path& from = templates) const {
        try {
            write_new_plugin(plugin, from, parent_);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
    std::string text(const fs::path& file) const {
        std::ostringstream text;
        text << std::ifstream(parent_ / file).rdbuf();
        return text.str();
    }

    fs::path parent_;
};

TEST_F(NewPluginTest, WritesTheNameIntoFilesAndTheirNames) {
    ASSERT_EQ(refusal({"my-plugin"}), "");
    EXPECT_NE(text("my-plugin/my-plugin.cpp").find("GATEHOUSE_PLUGIN(Echo, \"my-plugin\", "), std::string::npos);
    EXPECT_NE(text("my-plugin/my-plugin.toml").find("plugin = \"my-plugin\"\n"), std::string::npos);
    EXPECT_EQ(::access((parent_ / "my-plugin/end_to_end.sh").c_str(), X_OK), 0);
    for (const fs::directory_entry& entry : fs::directory_iterator(parent_ / "my-plugin")) {
        EXPECT_EQ(entry.path().string().find("NAME"), std::string::npos) << entry;
        EXPECT_EQ(text(entry).find("@NAME@"), std::string::npos) << entry;
    }
}

TEST_F(NewPluginTest, TheInnerOfTwoFilesCounts) {
    ASSERT_EQ(refusal({"a", "proxy"}), "");
    EXPECT_TRUE(text("a/a.toml").starts_with("[plugins.a]\n"));
}

TEST_F(NewPluginTest, LeavesWhatIsThere) {
    fs::create_directory(parent_ / "folder");
    fs::create_symlink("nowhere", parent_ / "link");
    for (const char* name : {"folder", "link"})
        EXPECT_EQ(refusal({name}), (parent_ / name).string() + " is there already, and is left as it is");
    EXPECT_TRUE(fs::is_empty(parent_ / "folder"));
}

TEST_F(NewPluginTest, SaysWhatThereIs) {
    EXPECT_EQ(refusal({"a", "ehco"}),
              "there is no template \"ehco\" for c++ (there are: echo, framed, line, proxy, pubsub, request-response, "
              "tls-upgrade)");
    EXPECT_EQ(refusal({"a", "line", "c"}), "there is no template \"line\" for c (there are: echo)");
    EXPECT_EQ(refusal({"a", "echo", "go"}), "there is no language \"go\" (there are: c, c++, rust)");
    EXPECT_EQ(refusal({"a", "proxy", "rust"}), "there is no template \"proxy\" for rust (there are: echo, line)");
    EXPECT_EQ(refusal({"a", "../c/echo"}).substr(0, 40), "there is no template \"../c/echo\" for c++");
    EXPECT_EQ(refusal({"a"}, "/nowhere"), "there are no templates in /nowhere; the package gatehouse-dev has them");
    EXPECT_TRUE(fs::is_empty(parent_));
}

TEST_F(NewPluginTest, ChecksTheName) {
    for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("A"), std::string("-a"), std::string("_"),
                                    std::string("a/b"), std::string("a.b"), std::string("..")})
        EXPECT_EQ(refusal({name}), '"' + name +
                                       "\" is no name for a plugin (expected 1 to 64 lower-case letters, digits, - and _, the "
                                       "first one a letter or a digit)");
    EXPECT_EQ(refusal({"test"}), "\"test\" is a name that CMake needs for itself; choose another one");
    EXPECT_EQ(refusal({"host"}), "\"host\" is the name of the host itself in `gatehouse control`; choose another one");
    EXPECT_EQ(refusal({std::string(64, 'a')}), "");
    EXPECT_EQ(refusal({"9p_x-y"}), "");
}

} // namespace
} // namespace gatehouse::host
