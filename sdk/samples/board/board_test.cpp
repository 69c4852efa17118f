#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace gatehouse::kit;

namespace {

// A named pipe in a folder of its own.
class Pipe {
  public:
    Pipe() {
        std::string folder = (std::filesystem::temp_directory_path() / "board-XXXXXX").string();
        EXPECT_NE(::mkdtemp(folder.data()), nullptr);
        folder_ = folder;
        EXPECT_EQ(::mkfifo(path().c_str(), 0600), 0);
    }
    ~Pipe() { std::filesystem::remove_all(folder_); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    std::string path() const { return folder_ / "news"; }
    void write(const std::string& notice) const { std::ofstream(path()) << notice; }

  private:
    std::filesystem::path folder_;
};

} // namespace

TEST(Board, TellsWhatIsWrittenIntoThePipe) {
    const Pipe pipe;
    Plugin board({{"pipe", pipe.path()}});
    const int fd = board.polls().at(0).fd;
    Client ann = board.connect(), bob = board.connect();
    pipe.write("We close at six.\n");
    board.ready(fd);
    EXPECT_EQ(ann.heard(), "We close at six.\n");
    EXPECT_EQ(bob.heard(), "We close at six.\n");
    EXPECT_EQ(board.metric("notices", {"told"}), 2);
    EXPECT_EQ(board.metric("notices", {"missed"}), 0);
    EXPECT_EQ(board.histogram("notice_size").sum, 17);
}

TEST(Board, LogsEachNotice) {
    const Pipe pipe;
    Plugin board({{"pipe", pipe.path()}});
    board.connect();
    board.connect();
    pipe.write("We close at six.\n");
    board.ready(board.polls().at(0).fd);
    const LogLine line = board.log().back();
    EXPECT_EQ(line.text, "a notice");
    EXPECT_EQ(line.fields.at("size"), gatehouse::Value::bytes(17));
    EXPECT_EQ(line.fields.at("clients"), 2);
}

TEST(Board, AnEventMayComeInVain) {
    const Pipe pipe;
    Plugin board({{"pipe", pipe.path()}});
    Client ann = board.connect();
    board.ready(board.polls().at(0).fd);
    EXPECT_EQ(ann.heard(), "");
    ann.say({"hello", end});
    EXPECT_EQ(ann.outcome().reason, "peer_closed");
}

TEST(Board, NeedsItsPipe) {
    EXPECT_EQ(Plugin::refusal({{"pipe", "/nowhere/news"}}), "") << "it has not looked yet";
    EXPECT_EQ(Plugin::start_failure({{"pipe", "/nowhere/news"}}), "cannot open /nowhere/news: No such file or directory");
    const Pipe pipe;
    EXPECT_EQ(Plugin::start_failure({{"pipe", pipe.path()}}, Extensions::none),
              "this host watches no descriptors (gatehouse.poll/1)");
}
