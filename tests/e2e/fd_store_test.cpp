// systemd, by a stand-in: its store of descriptors, where newcomers wait while no host runs, its status text and its watchdog.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

// What systemd does with FDSTORE=1 and FDSTOREREMOVE=1. As systemd does, it reads all the time: the host waits for whom it
// tells.
class Store {
  public:
    Store() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot bind " + path());
        reader_ = std::thread([this] {
            while (receive()) {
            }
        });
    }
    ~Store() {
        ::shutdown(socket_, SHUT_RD);
        reader_.join();
        for (const auto& [name, fd] : stored_) ::close(fd);
        ::close(socket_);
    }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // A host with these sockets, as after a restart.
    GatehouseOptions options() const {
        GatehouseOptions options{.wrapper = {"sh", "-c", "LISTEN_PID=$$ exec \"$@\"", "sh"},
                                 .environment = {"NOTIFY_SOCKET=" + path(), "FDSTORE=16"}};
        std::string names;
        const std::lock_guard lock(mutex_);
        for (const auto& [name, fd] : stored_) {
            options.inherit.push_back(fd);
            names += (names.empty() ? "" : ":") + name;
        }
        options.environment.push_back("LISTEN_FDS=" + std::to_string(stored_.size()));
        options.environment.push_back("LISTEN_FDNAMES=" + names);
        return options;
    }

    // Until there are so many.
    void wait_for(std::size_t count) {
        eventually("the store has " + std::to_string(count), [&] { return stored().size() == count; });
    }
    std::map<std::string, int> stored() const {
        const std::lock_guard lock(mutex_);
        return stored_;
    }

    // Until the host has said this of itself.
    void wait_for_status(const std::string& text) {
        eventually("the status is " + text, [&] {
            const std::lock_guard lock(mutex_);
            return status_ == text;
        });
    }
    // Until the host has shown once more that its main loop turns.
    void wait_for_sign_of_life() {
        alive_.store(false);
        eventually("a sign of life", [&] { return alive_.load(); });
    }

  private:
    std::string path() const { return dir_ / "notify"; }

    // One message. False: the test is over.
    bool receive() {
        std::array<char, 4096> text{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec data{text.data(), text.size() - 1};
        msghdr header{};
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        if (::recvmsg(socket_, &header, MSG_CMSG_CLOEXEC) <= 0) return false;
        const std::string message = std::string("\n") + text.data();
        const std::lock_guard lock(mutex_);
        if (message.starts_with("\nSTATUS=")) status_ = message.substr(8);
        if (message == "\nWATCHDOG=1") alive_.store(true);
        const std::size_t at = message.find("\nFDNAME=");
        const std::string name = at == std::string::npos ? "" : message.substr(at + 8, message.find('\n', at + 8) - at - 8);
        if (message.find("\nFDSTOREREMOVE=1") != std::string::npos) {
            if (const auto found = stored_.find(name); found != stored_.end()) {
                ::close(found->second);
                stored_.erase(found);
            }
        } else if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
            EXPECT_NE(message.find("\nFDSTORE=1"), std::string::npos) << message;
            if (!stored_.emplace(name, fd).second) ::close(fd); // the same again
        }
        return true;
    }

    const TempDir dir_;
    const int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    mutable std::mutex mutex_;
    std::map<std::string, int> stored_; // under the mutex, as is the next one
    std::string status_;
    std::atomic<bool> alive_{false};
    std::thread reader_;
};

class FdStore : public testing::Test {
  protected:
    std::string front_listener() const { return listener("front", "echo", "address = \"" + front_.address() + "\""); }
    std::string unix_listener() const { return listener("unix", "echo", "address = \"unix:" + file_ + "\""); }
    std::string both() const { return front_listener() + unix_listener(); }

    const ReservedAddress front_;
    const TempDir dir_;
    const std::string file_ = dir_ / "a socket: 100%";
    Store store_;
};

TEST_F(FdStore, NewcomersWaitWhileNoHostRuns) {
    for (const int signal : {SIGKILL, SIGTERM, SIGKILL}) {
        Gatehouse host(both(), store_.options());
        store_.wait_for(2);
        EXPECT_TRUE(Client(front_.address()).echoes("x"));
        EXPECT_TRUE(Client("unix:" + file_).echoes("x"));
        host.signal(signal);
        host.wait_exit();

        Client waits(front_.address()), waits_too("unix:" + file_);
        waits.send("hello");
        waits_too.send("hello");
        Gatehouse next(both(), store_.options());
        EXPECT_EQ(waits.recv_exactly(5), "hello");
        EXPECT_EQ(waits_too.recv_exactly(5), "hello");
        EXPECT_EQ(next.terminate(), 0);
    }
}

// systemd may have removed the folder: clients could not find the socket.
TEST_F(FdStore, ASocketWhoseFileHasGoneIsMadeAnew) {
    {
        Gatehouse host(both(), store_.options());
        store_.wait_for(2);
        host.signal(SIGKILL);
        host.wait_exit();
    }
    std::filesystem::remove(file_);
    Gatehouse host(both(), store_.options());
    EXPECT_TRUE(Client("unix:" + file_).echoes("x"));
    EXPECT_TRUE(Client(front_.address()).echoes("x"));
}

// Or newcomers would wait for ever.
TEST_F(FdStore, AListenerThatIsGoneLeavesTheStore) {
    {
        Gatehouse host(both(), store_.options());
        store_.wait_for(2);
        EXPECT_EQ(host.reload(front_listener())["result"], "applied");
        store_.wait_for(1);
        EXPECT_FALSE(std::filesystem::exists(file_));
    }
    {
        Gatehouse host(unix_listener(), store_.options());
        eventually("it is closed", [&] {
            store_.wait_for(1);
            return store_.stored().begin()->first.find("unix") != std::string::npos;
        });
        EXPECT_TRUE(refused(front_.address()));
    }
}

// WATCHDOG_PID names another process after an upgrade.
TEST_F(FdStore, SystemdHearsOfTheHost) {
    GatehouseOptions options = store_.options();
    options.environment.insert(options.environment.end(), {"WATCHDOG_USEC=100000", "WATCHDOG_PID=1"});
    Gatehouse host(both(), options);
    store_.wait_for_status("ready: 2 listeners, 0 open, generation 1");
    const Client stays(front_.address());
    store_.wait_for_status("ready: 2 listeners, 1 open, generation 1");
    EXPECT_EQ(host.reload(front_listener())["result"], "applied");
    store_.wait_for_status("ready: 1 listener, 0 open, generation 2; draining: 1 left");
    store_.wait_for_sign_of_life();
    host.signal(SIGTERM);
    store_.wait_for_status("draining: 1 left");
}

TEST_F(FdStore, WithoutOneSocketsAreClosed) {
    GatehouseOptions options = store_.options();
    std::erase(options.environment, "FDSTORE=16");
    Gatehouse host(both(), options);
    EXPECT_EQ(host.terminate(), 0);
    store_.wait_for(0);
    EXPECT_TRUE(refused(front_.address()));
    EXPECT_FALSE(std::filesystem::exists(file_));
}

} // namespace
