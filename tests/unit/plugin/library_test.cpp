// The private copies of libraries. Loading them is tried with real ones, in tests/fault.
#include "plugin/library.hpp"

#include <fstream>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

class RuntimeFolderTest : public ::testing::Test {
  public:
    RuntimeFolderTest() {
        for (const char* file : {"one/echo.so", "two/echo.so"}) {
            fs::create_directories((folder_ / file).parent_path());
            std::ofstream(folder_ / file) << file;
        }
    }
    ~RuntimeFolderTest() override { fs::remove_all(folder_); }

  protected:
    static fs::path make_folder() {
        std::string name = (fs::temp_directory_path() / "gatehouse-plugins-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        return name;
    }

    const fs::path folder_ = make_folder();
};

TEST_F(RuntimeFolderTest, IsPrivateAndGoesWithItsOwner) {
    fs::path copy;
    {
        RuntimeFolder runtime;
        copy = runtime.copy(folder_ / "one/echo.so");
        EXPECT_EQ(copy.filename(), "echo.so");
        EXPECT_EQ(fs::file_size(copy), 11U);
        EXPECT_NE(runtime.copy(folder_ / "two/echo.so"), copy);
        EXPECT_EQ(fs::status(copy.parent_path().parent_path()).permissions(), fs::perms(0700));
        EXPECT_THROW(runtime.copy(folder_ / "missing.so"), PluginError);
    }
    EXPECT_FALSE(fs::exists(copy));
}

} // namespace
} // namespace gatehouse::host
