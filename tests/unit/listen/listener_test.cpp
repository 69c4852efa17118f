// A listening socket's life, and the one line that says why there is none.
#include "listen/listener.hpp"

#include "sockets.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

class ListenerTest : public ::testing::Test {
  public:
    ListenerTest() {
        std::string name = (fs::temp_directory_path() / "gatehouse-listener-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        LogConfig quiet;
        quiet.file = folder_ / "log";
        log_ = std::make_unique<Log>(quiet);
    }
    ~ListenerTest() override {
        log_.reset();
        fs::remove_all(folder_);
    }

  protected:
    static ListenerConfig config(const std::string& address) {
        ListenerConfig config;
        config.name = "web";
        config.where.text = "gatehouse.toml:3:1";
        std::string error;
        config.address = parse_address(address, error).value_or(Address());
        EXPECT_EQ(error, "");
        return config;
    }
    std::string unix_address() const { return "unix:" + (folder_ / "socket").string(); }

    std::string error_of(const ListenerConfig& config) {
        try {
            const std::shared_ptr<Sockets> sockets = open_sockets(config, *log_);
            sockets->front().listen();
            return "listens on " + sockets->front().address();
        } catch (const ListenError& error) {
            return error.what();
        }
    }

    static int accept(const Listener& listener, SocketAddress& peer) {
        pollfd waiting{listener.descriptor(), POLLIN, 0};
        ::poll(&waiting, 1, 10'000);
        return listener.accept(peer);
    }

    fs::path folder_;
    std::unique_ptr<Log> log_;
};

TEST_F(ListenerTest, AcceptsInOrderAndTellsTheQueue) {
    ListenerConfig settings = config("127.0.0.1:0");
    settings.backlog = 17;
    Listener listener(settings, *log_);
    listener.listen();
    ASSERT_NE(listener.port(), 0);
    EXPECT_EQ(listener.address(), "127.0.0.1:" + std::to_string(listener.port()));
    EXPECT_EQ(listener.queue()->depth, 0U);
    EXPECT_EQ(listener.queue()->limit, 17U);
    SocketAddress peer;
    EXPECT_EQ(listener.accept(peer), -1);
    EXPECT_EQ(errno, EAGAIN);
    const Descriptor one = connect_to_loopback(listener.port());
    const Descriptor two = connect_to_loopback(listener.port());
    EXPECT_EQ(listener.queue()->depth, 2U);
    for (const Descriptor* client : {&one, &two}) {
        const Descriptor accepted(accept(listener, peer));
        ASSERT_TRUE(accepted);
        SocketAddress name;
        name.size = sizeof name.storage;
        ::getsockname(client->get(), name.get(), &name.size);
        EXPECT_EQ(to_string(peer), to_string(name));
        int on = 0;
        socklen_t size = sizeof on;
        ::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
        EXPECT_EQ(on, 1) << "nodelay is inherited";
    }
}

TEST_F(ListenerTest, TellsWhatTheKernelHasDropped) {
    ListenerConfig settings = config("127.0.0.1:0");
    settings.backlog = 1;
    Listener listener(settings, *log_);
    listener.listen();
    EXPECT_EQ(listener.queue()->drops, 0U);
    const Descriptor one = connect_to_loopback(listener.port());
    const Descriptor two = connect_to_loopback(listener.port()); // Linux takes one more than the limit
    const Descriptor three(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    Loopback address(listener.port());
    EXPECT_EQ(::connect(three.get(), address.get(), address.size), -1);
    EXPECT_EQ(errno, EINPROGRESS);
    for (int i = 0; i < 1000 && listener.queue()->drops == 0; ++i) ::poll(nullptr, 0, 10);
    EXPECT_GE(listener.queue()->drops, 1U);
}

TEST_F(ListenerTest, TellsTheQueueOfAUnixSocket) {
    ListenerConfig settings = config(unix_address());
    settings.backlog = 5;
    Listener listener(settings, *log_);
    listener.listen();
    ASSERT_TRUE(listener.queue()) << "the kernel has no unix_diag";
    EXPECT_EQ(listener.queue()->depth, 0U);
    EXPECT_EQ(listener.queue()->limit, 5U);
    const SocketAddress address = numeric_address(settings.address).value();
    const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), address.get(), address.size), 0);
    EXPECT_EQ(listener.queue()->depth, 1U);
    SocketAddress peer;
    const Descriptor accepted(accept(listener, peer));
    EXPECT_EQ(listener.queue()->depth, 0U);
    EXPECT_EQ(accept_queue(accepted.get())->drops, 0U); // no listening socket, and no harm
}

TEST_F(ListenerTest, RefusesOnceClosed) {
    Listener listener(config("127.0.0.1:0"), *log_);
    listener.listen();
    const Descriptor early = connect_to_loopback(listener.port());
    Loopback address(listener.port());
    listener.close();
    const Descriptor late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(late.get(), address.get(), address.size), -1);
    SocketAddress peer;
    EXPECT_EQ(listener.accept(peer), -1); // also for a thread that was about to accept
    EXPECT_NE(errno, EBADF);
    listener.close();
}

// It keeps its address meanwhile, and needs no bind().
TEST_F(ListenerTest, PausedItRefusesUntilItListensAgain) {
    Listener listener(config("127.0.0.1:0"), *log_);
    EXPECT_FALSE(listener.listens());
    listener.listen();
    EXPECT_TRUE(listener.listens());
    const std::string address = listener.address();
    listener.pause();
    listener.pause();
    EXPECT_FALSE(listener.listens());
    EXPECT_EQ(listener.queue()->limit, 0U);
    Loopback target(listener.port());
    const Descriptor early(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(early.get(), target.get(), target.size), -1);
    listener.listen();
    EXPECT_EQ(listener.address(), address);
    const Descriptor late = connect_to_loopback(listener.port());
    EXPECT_EQ(listener.queue()->limit, 1024U);
}

TEST_F(ListenerTest, AUnixSocketIsNotPaused) {
    Listener listener(config(unix_address()), *log_);
    listener.listen();
    listener.pause();
    EXPECT_TRUE(listener.listens());
}

TEST_F(ListenerTest, SaysWhoHasThePort) {
    Listener first(config("127.0.0.1:0"), *log_);
    first.listen();
    const std::string port = std::to_string(first.port());
    EXPECT_EQ(error_of(config("127.0.0.1:" + port)),
              "listener web: bind to 127.0.0.1:" + port +
                  " failed: Address already in use; another program uses this port (`ss -ltnp 'sport = :" + port +
                  "'` shows which); stop it, or choose another port (gatehouse.toml:3:1)");
}

TEST_F(ListenerTest, SaysThatTheAddressIsNotThisMachines) {
    EXPECT_EQ(
        error_of(config("192.0.2.1:0")),
        "listener web: bind to 192.0.2.1:0 failed: Cannot assign requested address; no interface of this machine has this "
        "address (`ip address` lists them) (gatehouse.toml:3:1)");
}

TEST_F(ListenerTest, SaysWhoMayHaveALowPort) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may have every port";
    EXPECT_EQ(error_of(config("127.0.0.1:1")),
              "listener web: bind to 127.0.0.1:1 failed: Permission denied; ports below 1024 are for root or the capability "
              "CAP_NET_BIND_SERVICE; choose a higher port (gatehouse.toml:3:1)");
}

TEST_F(ListenerTest, SaysThatNothingWasInherited) {
    EXPECT_EQ(error_of(config("fd:web")), "listener web: no inherited socket web; this process was started without any "
                                          "(LISTEN_FDS is not set for it) (gatehouse.toml:3:1)");
}

// --- unix sockets --------------------------------------------------------------------------------------------------------

TEST_F(ListenerTest, AUnixSocketHasItsModeAndGoesWithItsListener) {
    ListenerConfig settings = config(unix_address());
    settings.mode = 0600;
    {
        Listener listener(settings, *log_);
        listener.listen();
        EXPECT_EQ(listener.address(), unix_address());
        EXPECT_EQ(fs::status(folder_ / "socket").permissions(), fs::perms(0600));
        listener.close();
        EXPECT_FALSE(fs::exists(folder_ / "socket"));
    }
    EXPECT_FALSE(fs::exists(folder_ / "socket"));
}

TEST_F(ListenerTest, AStaleSocketFileIsReplaced) {
    {
        const Descriptor stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, (folder_ / "socket").c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(stale.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ASSERT_TRUE(fs::exists(folder_ / "socket"));
    EXPECT_EQ(error_of(config(unix_address())), "listens on " + unix_address());
}

TEST_F(ListenerTest, ALiveSocketFileIsNot) {
    Listener first(config(unix_address()), *log_);
    first.listen();
    EXPECT_EQ(error_of(config(unix_address())), "listener web: bind to " + unix_address() +
                                                    " failed: Address already in use; another program listens on it; stop "
                                                    "it, or choose another path (gatehouse.toml:3:1)");
    EXPECT_TRUE(fs::exists(folder_ / "socket"));
}

TEST_F(ListenerTest, AnotherFileIsLeftAlone) {
    std::ofstream(folder_ / "socket") << "precious";
    EXPECT_EQ(error_of(config(unix_address())), "listener web: bind to " + unix_address() +
                                                    " failed: File exists; something that is not a socket stands there; "
                                                    "remove it, or choose another path (gatehouse.toml:3:1)");
    EXPECT_EQ(fs::file_size(folder_ / "socket"), 8U);
}

TEST_F(ListenerTest, SaysThatTheFolderIsMissing) {
    const std::string address = "unix:" + (folder_ / "missing" / "socket").string();
    EXPECT_EQ(error_of(config(address)), "listener web: bind to " + address +
                                             " failed: No such file or directory; the folder "
                                             "does not exist; create it (gatehouse.toml:3:1)");
}

TEST_F(ListenerTest, SaysThatThereIsNoSuchUser) {
    ListenerConfig settings = config(unix_address());
    settings.owner = "nobody-of-that-name";
    EXPECT_EQ(error_of(settings), "listener web: there is no user nobody-of-that-name on this machine (gatehouse.toml:3:1)");
    settings.owner = "";
    settings.group = "no-such-group";
    EXPECT_EQ(error_of(settings), "listener web: there is no group no-such-group on this machine (gatehouse.toml:3:1)");
}

} // namespace
} // namespace gatehouse::host
