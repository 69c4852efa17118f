// The limit that the benchmark measures Gatehouse's echo against: one epoll loop per core and nothing else.
//
//     epoll_echo -p PORT [-l LOOPS] [-b]
//
// Serves on every IPv4 address until it is ended by a signal. -l: how many loops, one per CPU by default. -b: SCHED_BATCH.
//
// It is as quick as its author could make it, and no more than that: no deadlines, limits, counters or log, and a client that
// does not take its answers holds up its loop. Tried and not quicker: a listening socket for each loop (SO_REUSEPORT), one
// accept4() for each report, and a recv() at once after accept4().
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

int listen_on(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // accepted connections inherit it
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (listen(fd, 4096) != 0) die("listen");
    return fd;
}

// False if the connection is over. A short write is waited for on the spot: the loads that are measured never cause one.
bool send_all(int fd, const char* data, std::size_t size) {
    while (size > 0) {
        const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent >= 0) {
            data += sent;
            size -= static_cast<std::size_t>(sent);
        } else if (errno == EAGAIN) {
            pollfd writable{fd, POLLOUT, 0};
            if (poll(&writable, 1, 5000) <= 0) return false;
        } else {
            return false;
        }
    }
    return true;
}

void loop(int listener) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.fd = listener;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) die("epoll_ctl");

    std::array<epoll_event, 256> events;
    std::array<char, 16384> buffer;
    for (;;) {
        const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                event.events = EPOLLIN;
                while ((event.data.fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
                    epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
                continue;
            }
            const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
            if (size > 0 ? !send_all(fd, buffer.data(), static_cast<std::size_t>(size)) : size == 0 || errno != EAGAIN)
                close(fd);
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    unsigned long port = 0;
    unsigned long loops = std::thread::hardware_concurrency();
    bool batch = false;
    for (int option = 0; (option = getopt(argc, argv, "p:l:b")) != -1;) {
        if (option == 'p')
            port = std::strtoul(optarg, nullptr, 10);
        else if (option == 'l')
            loops = std::strtoul(optarg, nullptr, 10);
        else if (option == 'b')
            batch = true;
        else
            return 2;
    }
    if (port == 0 || port > 65535 || loops == 0 || loops > 1024) {
        std::fprintf(stderr, "usage: epoll_echo -p PORT [-l LOOPS] [-b]\n");
        return 2;
    }

    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const sched_param priority{};
    if (batch && sched_setscheduler(0, SCHED_BATCH, &priority) != 0) die("sched_setscheduler"); // threads inherit it

    const int listener = listen_on(static_cast<std::uint16_t>(port));
    std::vector<std::jthread> threads;
    for (unsigned long i = 1; i < loops; ++i) threads.emplace_back(loop, listener);
    loop(listener);
}
