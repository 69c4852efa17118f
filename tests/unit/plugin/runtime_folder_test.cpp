// The private copies of libraries, and those that dead hosts have left. Loading them is tried with real ones, in tests/fault.
#include "plugin/runtime_folder.hpp"

#include "plugin/entry_point.hpp"

#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

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

    // The number of a process that has ended.
    static std::string dead() {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(0);
        EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
        return std::to_string(pid);
    }

    // What a host leaves, under this name.
    fs::path left_behind(const std::string& name) const {
        const fs::path folder = folder_ / name;
        fs::create_directories(folder / "1");
        std::ofstream(folder / "1" / "echo.so") << "a copy";
        return folder;
    }

    std::size_t sweep() const { return remove_dead_folders(folder_, {::geteuid()}); }

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

TEST_F(RuntimeFolderTest, OfADeadProcessIsRemoved) {
    const fs::path one = left_behind("gatehouse-" + dead() + "-abcdef");
    const fs::path two = left_behind("gatehouse-" + std::to_string(::getpid()) + "-ABC123"); // of one with the same number
    EXPECT_EQ(sweep(), 2U);
    EXPECT_FALSE(fs::exists(one));
    EXPECT_FALSE(fs::exists(two));
}

TEST_F(RuntimeFolderTest, OfALivingProcessStays) {
    RuntimeFolder own;
    const fs::path copy = own.copy(folder_ / "one/echo.so");
    EXPECT_EQ(remove_dead_folders(copy.parent_path().parent_path().parent_path(), {}), 0U);     // nobody's
    const fs::path older = left_behind("gatehouse-" + std::to_string(::getppid()) + "-abcdef"); // without a lock
    const fs::path locked = left_behind("gatehouse-" + dead() + "-abcdef"); // another container has numbers of its own
    const Descriptor lock(::open(locked.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_EQ(sweep(), 0U);
    EXPECT_TRUE(fs::exists(copy));
    EXPECT_TRUE(fs::exists(older / "1" / "echo.so"));
    EXPECT_TRUE(fs::exists(locked / "1" / "echo.so"));
}

TEST_F(RuntimeFolderTest, OthersFoldersAndOtherNamesStay) {
    const std::string pid = dead();
    for (const std::string& name :
         std::vector<std::string>{"gatehouse-" + pid + "-abcde", "gatehouse-" + pid + "-abcdefg", "gatehouse-" + pid + "abcdef",
                                  "gatehouse-0-abcdef", "gatehouse--" + pid + "-abcdef", "gatehouse-99999999999-abcdef",
                                  "gatehouse-log-abcdef", "gatekeeper-" + pid + "-abcdef"})
        left_behind(name);
    const fs::path mine = left_behind("gatehouse-" + pid + "-mine00");
    std::ofstream(folder_ / ("gatehouse-" + pid + "-a_file")) << "a file";
    EXPECT_EQ(remove_dead_folders(folder_, {::geteuid() + 1}), 0U);
    EXPECT_TRUE(fs::exists(mine));
    EXPECT_EQ(sweep(), 1U);
    EXPECT_FALSE(fs::exists(mine));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2 + 8 + 1);
    EXPECT_EQ(remove_dead_folders(folder_ / "missing", {::geteuid()}), 0U);
}

TEST_F(RuntimeFolderTest, NoLinkIsFollowed) {
    const std::string pid = dead();
    const fs::path precious = left_behind("precious");
    fs::create_directory_symlink(precious, folder_ / ("gatehouse-" + pid + "-a_link"));
    const fs::path old = left_behind("gatehouse-" + pid + "-abcdef");
    fs::create_directory_symlink(precious, old / "2");
    fs::create_symlink(precious / "1" / "echo.so", old / "1" / "http.so");
    EXPECT_EQ(sweep(), 1U);
    EXPECT_FALSE(fs::exists(old));
    EXPECT_TRUE(fs::exists(precious / "1" / "echo.so"));
}

// A hostile owner of the folder cannot hold up the start of a host.
TEST_F(RuntimeFolderTest, TheWorkIsBounded) {
    const std::string pid = dead();
    const fs::path deep = folder_ / ("gatehouse-" + pid + "-abcdef");
    fs::create_directories(deep / "1" / "2" / "3" / "4");
    EXPECT_EQ(sweep(), 0U);
    EXPECT_TRUE(fs::exists(deep));
    fs::remove_all(deep);
    const fs::path wide = folder_ / ("gatehouse-" + pid + "-wide00");
    fs::create_directory(wide);
    for (int i = 0; i < 10'001; ++i)
        Descriptor(::open((wide / std::to_string(i)).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_EQ(sweep(), 0U);
    EXPECT_EQ(std::distance(fs::directory_iterator(wide), fs::directory_iterator()), 1);
    EXPECT_EQ(sweep(), 1U); // the next start goes on
}

} // namespace
} // namespace gatehouse::host
