// Holds many idle connections, so that the benchmark can see what they cost the server.
//
//     hold -p PORT -n CONNECTIONS -q REQUEST -s BYTES
//
// Opens the connections to 127.0.0.1, sends REQUEST on each, waits until each has answered with BYTES bytes, and prints
// "held CONNECTIONS". Then it does nothing at all until its standard input ends, asks each connection once more, prints
// "answered CONNECTIONS", and exits with 0. If a connection ends early or the answers take longer than a minute, it exits with
// an error. "\r" and "\n" in REQUEST are written as such.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr unsigned answer_deadline = 60; // seconds, for all connections together
constexpr std::size_t window = 256;      // unanswered requests: fewer than the server's backlog, so that no SYN is lost

struct Connection {
    int fd = -1;
    std::size_t received = 0;
};

[[noreturn]] void fail(const char* what, int error) {
    std::fprintf(stderr, "hold: %s: %s\n", what, std::strerror(error));
    std::exit(1);
}

std::string unescape(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'r' || text[i + 1] == 'n');
        result += !escape ? text[i] : text[++i] == 'r' ? '\r' : '\n';
    }
    return result;
}

class Holder {
  public:
    Holder(std::uint16_t port, std::size_t count, std::string request, std::size_t answer_size)
        : request_(std::move(request)), answer_size_(answer_size), connections_(count) {
        if (epoll_ < 0) fail("epoll_create1", errno);
        address_.sin_family = AF_INET;
        address_.sin_port = htons(port);
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }

    // Sends the request on every connection, which is opened first if need be, and waits for all answers.
    void ask_all() {
        alarm(answer_deadline);
        for (Connection& connection : connections_) {
            if (connection.fd < 0) open(connection);
            connection.received = 0;
            if (send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
                fail("send", errno);
            ++unanswered_;
            while (unanswered_ >= window) receive();
        }
        while (unanswered_ > 0) receive();
        alarm(0);
    }

  private:
    void open(Connection& connection) {
        connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection.fd < 0) fail("socket", errno);
        if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0) fail("connect", errno);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &connection;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) fail("epoll_ctl", errno);
    }

    void receive() {
        std::array<epoll_event, 64> events;
        std::array<char, 16384> buffer;
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
            const ssize_t size = recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size == 0) fail("recv", ECONNRESET);
            if (size < 0) fail("recv", errno);
            connection.received += static_cast<std::size_t>(size);
            if (connection.received > answer_size_) fail("the answer is longer than expected", EMSGSIZE);
            if (connection.received == answer_size_) --unanswered_;
        }
    }

    // constant after construction
    const std::string request_;
    const std::size_t answer_size_;
    const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    sockaddr_in address_{};

    std::vector<Connection> connections_;
    std::size_t unanswered_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    unsigned long port = 0;
    unsigned long count = 0;
    unsigned long answer_size = 0;
    std::string request;
    for (int option = 0; (option = getopt(argc, argv, "p:n:q:s:")) != -1;) {
        if (option == 'p')
            port = std::strtoul(optarg, nullptr, 10);
        else if (option == 'n')
            count = std::strtoul(optarg, nullptr, 10);
        else if (option == 'q')
            request = unescape(optarg);
        else if (option == 's')
            answer_size = std::strtoul(optarg, nullptr, 10);
        else
            return 2;
    }
    if (port == 0 || port > 65535 || count == 0 || count > 25'000 || answer_size == 0 || request.empty()) {
        std::fprintf(stderr, "usage: hold -p PORT -n CONNECTIONS -q REQUEST -s BYTES\n");
        return 2;
    }

    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    std::signal(SIGALRM, [](int) {
        constexpr std::string_view text = "hold: not all connections were answered in time\n";
        [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
        _exit(1);
    });

    Holder holder(static_cast<std::uint16_t>(port), count, std::move(request), answer_size);
    holder.ask_all();
    std::printf("held %lu\n", count);
    std::fflush(stdout);
    std::array<char, 64> ignored;
    while (read(STDIN_FILENO, ignored.data(), ignored.size()) > 0) {
    }
    holder.ask_all();
    std::printf("answered %lu\n", count);
}
