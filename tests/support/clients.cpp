#include "clients.hpp"

#include "fail.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::support {
namespace {

struct SocketAddress {
    union {
        sockaddr common;
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un path;
    };
    socklen_t size;
};

SocketAddress parse(const std::string& text) {
    SocketAddress address{};
    if (text.starts_with("unix:")) {
        const std::string path = text.substr(5);
        if (path.size() >= sizeof address.path.sun_path) throw std::runtime_error("the path is too long: " + path);
        address.path.sun_family = AF_UNIX;
        std::memcpy(address.path.sun_path, path.data(), path.size());
        if (path.starts_with('@')) address.path.sun_path[0] = '\0';
        address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path.starts_with('@') ? 0 : 1));
        return address;
    }
    const std::size_t colon = text.rfind(':');
    const auto port = htons(static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1))));
    if (text.starts_with('[')) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = port;
        address.size = sizeof address.v6;
        if (::inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &address.v6.sin6_addr) == 1) return address;
    } else {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = port;
        address.size = sizeof address.v4;
        if (::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.v4.sin_addr) == 1) return address;
    }
    throw std::runtime_error("not a numeric address: " + text);
}

std::string name_of(int fd) {
    SocketAddress address{};
    address.size = sizeof(sockaddr_un);
    if (::getsockname(fd, &address.common, &address.size) != 0) fail("getsockname");
    std::array<char, INET6_ADDRSTRLEN> text{};
    switch (address.common.sa_family) {
    case AF_INET:
        ::inet_ntop(AF_INET, &address.v4.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(address.v4.sin_port));
    case AF_INET6:
        ::inet_ntop(AF_INET6, &address.v6.sin6_addr, text.data(), text.size());
        return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(address.v6.sin6_port));
    default:
        return "unix:";
    }
}

void wait_for(int fd, short events, const Deadline& deadline, const char* what) {
    pollfd waiting{fd, events, 0};
    for (;;) {
        const int ready = ::poll(&waiting, 1, deadline.left());
        if (ready > 0) return;
        if (ready == 0) throw TooLate("a socket was not ready in time to " + std::string(what));
        if (errno != EINTR) fail("poll");
    }
}

// Beside a ReservedAddress.
bool bind_beside(int fd, const SocketAddress& address) {
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return ::bind(fd, &address.common, address.size) == 0;
}

} // namespace

Client::Client(const std::string& text, const std::string& from) {
    const SocketAddress address = parse(text);
    fd_ = ::socket(address.common.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail("socket");
    if (!from.empty()) {
        const SocketAddress source = parse(from);
        if (::bind(fd_, &source.common, source.size) != 0) fail("bind");
    }
    const Deadline deadline;
    // A unix socket whose accept queue is full says EAGAIN, and there is nothing to poll for.
    while (::connect(fd_, &address.common, address.size) != 0 && errno != EINPROGRESS) {
        if (errno == EAGAIN && !deadline.passed()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            continue;
        }
        const int error = errno;
        close();
        throw std::system_error(error, std::generic_category(), "connect to " + text);
    }
    try {
        wait_for(fd_, POLLOUT, deadline, "connect");
    } catch (...) {
        close();
        throw;
    }
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        close();
        throw std::system_error(error, std::generic_category(), "connect to " + text);
    }
}

void Client::send(std::string_view bytes) {
    const Deadline deadline;
    while (!bytes.empty()) {
        const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(size));
        else if (errno == EAGAIN)
            wait_for(fd_, POLLOUT, deadline, "send");
        else if (errno != EINTR)
            fail("send");
    }
}

std::size_t Client::recv_some(char* buffer, std::size_t capacity, const Deadline& deadline) {
    for (;;) {
        const ssize_t size = ::recv(fd_, buffer, capacity, MSG_DONTWAIT);
        if (size >= 0) return static_cast<std::size_t>(size);
        if (errno == EAGAIN)
            wait_for(fd_, POLLIN, deadline, "receive");
        else if (errno != EINTR)
            fail("recv");
    }
}

std::string Client::recv_exactly(std::size_t size) {
    const Deadline deadline;
    std::string bytes(size, '\0');
    for (std::size_t done = 0; done < size;) {
        const std::size_t got = recv_some(bytes.data() + done, size - done, deadline);
        if (got == 0) throw std::runtime_error("the stream ended after: " + bytes.substr(0, done));
        done += got;
    }
    return bytes;
}

std::string Client::recv_until(std::string_view end) {
    const Deadline deadline;
    std::string bytes;
    for (char c = 0; !bytes.ends_with(end); bytes += c)
        if (recv_some(&c, 1, deadline) == 0) throw std::runtime_error("the stream ended after: " + bytes);
    return bytes;
}

std::string Client::recv_until_eof() {
    Rest rest = this->rest();
    if (rest.reset) throw std::runtime_error("the connection was reset after " + std::to_string(rest.bytes.size()) + " bytes");
    return std::move(rest.bytes);
}

Client::Rest Client::rest() {
    const Deadline deadline;
    Rest rest;
    std::string buffer(1 << 16, '\0');
    try {
        while (const std::size_t size = recv_some(buffer.data(), buffer.size(), deadline)) rest.bytes.append(buffer, 0, size);
    } catch (const std::system_error& error) {
        if (error.code() != std::errc::connection_reset && error.code() != std::errc::broken_pipe) throw;
        rest.reset = true;
    }
    return rest;
}

bool Client::readable(std::chrono::milliseconds within) {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(within.count())) > 0;
}

bool Client::ends() {
    char byte = 0;
    try {
        return recv_some(&byte, 1, Deadline()) == 0;
    } catch (const std::system_error& error) {
        if (error.code() != std::errc::connection_reset) throw;
        return true;
    }
}

bool Client::echoes(std::string_view bytes) {
    try {
        send(bytes);
        return recv_exactly(bytes.size()) == bytes;
    } catch (const std::runtime_error&) {
        return false;
    }
}

void Client::finish() {
    if (::shutdown(fd_, SHUT_WR) != 0) fail("shutdown");
}

void Client::reset() {
    const linger none{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close();
}

void Client::close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string Client::local_address() const { return name_of(fd_); }

void limit_receive_buffer(int fd) {
    const int size = 128 * 1024;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

bool refused(const std::string& address) {
    for (int attempts = 3;; --attempts) {
        try {
            const Client client(address);
            return false;
        } catch (const std::system_error& error) {
            if (error.code() == std::errc::connection_refused || error.code() == std::errc::no_such_file_or_directory)
                return true;
            // The kernel resets who comes in the moment in which the socket is closed.
            if (error.code() != std::errc::connection_reset || attempts == 0) throw;
        }
    }
}

Server::Server(const std::string& text, int backlog) {
    const SocketAddress address = parse(text);
    fd_ = ::socket(address.common.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0 || !bind_beside(fd_, address) || ::listen(fd_, backlog) != 0) {
        const int error = errno;
        if (fd_ >= 0) ::close(fd_);
        throw std::system_error(error, std::generic_category(), "listen on " + text);
    }
    address_ = text.starts_with("unix:") ? text : name_of(fd_);
}

Server::~Server() { ::close(fd_); }

Client Server::accept() {
    const Deadline deadline;
    for (;;) {
        wait_for(fd_, POLLIN, deadline, "accept");
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) return Client::adopt(fd);
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) fail("accept");
    }
}

ReservedAddress::ReservedAddress(const std::string& text) {
    const SocketAddress address = parse(text);
    fd_ = ::socket(address.common.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0 || !bind_beside(fd_, address)) fail("bind " + text);
    address_ = name_of(fd_);
}

ReservedAddress::~ReservedAddress() { ::close(fd_); }

} // namespace gatehouse::support
