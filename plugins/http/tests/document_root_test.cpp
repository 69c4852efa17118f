#include "document_root.hpp"
#include "test_site.hpp"

#include <array>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace http;
using http::test::Folder;
namespace fs = std::filesystem;

namespace {

class DocumentRootTest : public ::testing::Test {
  protected:
    // The content of a file, as if all that was written were older than this many seconds.
    std::string content(const std::string& name, std::time_t age = 10) {
        std::timespec now{};
        ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
        now.tv_sec += age;
        OpenFile file;
        result = root.open(name, now, file);
        kept = file.kept != nullptr;
        opened = file.file.fd() >= 0;
        if (result != OpenResult::file) return "";
        if (kept) return file.kept->content;
        std::string text(file.facts.size, '\0');
        EXPECT_EQ(::pread(file.file.fd(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        return text;
    }
    // Served, and kept.
    void know(const std::string& name, const std::string& text) {
        std::ofstream(folder.site() / name) << text;
        EXPECT_EQ(content(name), text);
        EXPECT_EQ(content(name), text);
        EXPECT_TRUE(kept);
        EXPECT_FALSE(opened) << "it is known";
    }

    Folder folder;
    DocumentRoot root{folder.site().string()};
    OpenResult result = OpenResult::failed;
    bool kept = false;
    bool opened = false;
};

} // namespace

TEST_F(DocumentRootTest, KeepsWhatIsSmallAndAtRest) {
    know("a", "text");
    know("empty", "");
    know("largest", std::string(DocumentRoot::largest_kept, 'x'));
    std::ofstream(folder.site() / "larger") << std::string(DocumentRoot::largest_kept + 1, 'x');
    std::ofstream(folder.site() / "young") << "young";
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(content("larger").size(), DocumentRoot::largest_kept + 1);
        EXPECT_TRUE(opened && !kept);
        EXPECT_EQ(content("young", 0), "young");
        EXPECT_TRUE(opened && !kept);
    }
}

TEST_F(DocumentRootTest, SeesEveryChangeOfWhatItKeeps) {
    const fs::path path = folder.site() / "a";
    struct stat before{};
    know("a", "old.");
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    folder.settle("a");
    std::fstream(path, std::ios::in | std::ios::out) << "new.";
    const std::array times{before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
    EXPECT_EQ(content("a"), "new.") << "in place, with the time set back";

    std::ofstream(folder.site() / "b") << "else";
    fs::rename(folder.site() / "b", path);
    EXPECT_EQ(content("a"), "else");

    folder.settle("a");
    ASSERT_EQ(::chmod(path.c_str(), 0), 0);
    const auto was = static_cast<uid_t>(::setfsuid(65'534)); // root may read everything; others keep who they are
    EXPECT_EQ(content("a"), "");
    ::setfsuid(was);
    EXPECT_EQ(result, OpenResult::forbidden);

    fs::remove(path);
    EXPECT_EQ(content("a"), "");
    EXPECT_EQ(result, OpenResult::not_found);

    for (const char* target : {"../secret.txt", "/etc/passwd"}) {
        know("c", "open");
        fs::remove(folder.site() / "c");
        fs::create_symlink(target, folder.site() / "c");
        EXPECT_EQ(content("c"), "");
        EXPECT_EQ(result, OpenResult::not_found) << target;
        fs::remove(folder.site() / "c");
    }

    know("d", "file");
    fs::remove(folder.site() / "d");
    ASSERT_EQ(::mkfifo((folder.site() / "d").c_str(), 0600), 0);
    EXPECT_EQ(content("d"), "");
    EXPECT_EQ(result, OpenResult::not_found);
    fs::remove(folder.site() / "d");
    fs::create_directory(folder.site() / "d");
    EXPECT_EQ(content("d"), "");
    EXPECT_EQ(result, OpenResult::directory);
}

// Another file has the slot of a name now and then: never its name.
TEST_F(DocumentRootTest, NamesAreNotMixedUp) {
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 1500; ++i) {
            const std::string name = std::to_string(i);
            if (round == 0) std::ofstream(folder.site() / name) << name;
            ASSERT_EQ(content(name), name);
        }
}
