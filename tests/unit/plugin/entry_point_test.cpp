// Finding plugin files. What is inside them is tried with real libraries, in tests/fault.
#include "plugin/entry_point.hpp"

#include <fstream>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

class PluginFiles : public ::testing::Test {
  public:
    PluginFiles() {
        for (const char* file : {"one/echo.so", "two/echo.so", "two/http.so", "two/notes.txt"}) {
            fs::create_directories((folder_ / file).parent_path());
            std::ofstream(folder_ / file) << file;
        }
        fs::create_directory(folder_ / "one" / "folder.so");
    }
    ~PluginFiles() override { fs::remove_all(folder_); }

  protected:
    std::string error_of(const std::string& library, const std::vector<fs::path>& folders) {
        try {
            return "found " + find_plugin(library, folders).string();
        } catch (const PluginError& error) {
            return error.what();
        }
    }

    static fs::path make_folder() {
        std::string name = (fs::temp_directory_path() / "gatehouse-plugins-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        return name;
    }

    const fs::path folder_ = make_folder();
    const std::vector<fs::path> path_{folder_ / "one", folder_ / "two"};
};

TEST_F(PluginFiles, TheFirstFolderCounts) {
    EXPECT_EQ(find_plugin("echo", path_), folder_ / "one/echo.so");
    EXPECT_EQ(find_plugin("http", path_), folder_ / "two/http.so");
}

TEST_F(PluginFiles, APathIsTakenAsItIs) {
    EXPECT_EQ(find_plugin((folder_ / "two/notes.txt").string(), {}), folder_ / "two/notes.txt");
}

TEST_F(PluginFiles, SaysWhereItHasLooked) {
    EXPECT_EQ(error_of("gone", path_), "plugin library gone not found; tried " + (folder_ / "one/gone.so").string() + ", " +
                                           (folder_ / "two/gone.so").string());
    EXPECT_EQ(error_of("gone", {}), "plugin library gone not found; tried nothing: plugin_path is empty");
    EXPECT_EQ(error_of("./gone.so", path_), "plugin library ./gone.so not found; tried ./gone.so");
    EXPECT_EQ(error_of("folder", {folder_ / "one"}),
              "plugin library folder not found; tried " + (folder_ / "one/folder.so").string());
}

TEST_F(PluginFiles, AreListedInOrder) {
    const std::vector<fs::path> expected{folder_ / "one/echo.so", folder_ / "one/folder.so", folder_ / "two/echo.so",
                                         folder_ / "two/http.so"};
    EXPECT_EQ(list_plugins({folder_ / "two", folder_ / "missing", folder_ / "one"}), expected);
}

} // namespace
} // namespace gatehouse::host
