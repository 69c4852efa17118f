#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>

namespace gatehouse::chaos {
namespace {

using support::Client;
using support::Deadline;

short wait_for(int fd, short events, const Deadline& deadline) {
    pollfd waiting{fd, events, 0};
    for (;;) {
        const int ready = ::poll(&waiting, 1, deadline.left());
        if (ready > 0) return waiting.revents;
        if (ready == 0) throw support::TooLate("nothing came, and nothing was taken, for too long");
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    }
}

// Of a call of recv() or send(): whether something has been moved. Throws unless it is only a matter of waiting.
bool moved(ssize_t size, const char* what) {
    if (size >= 0) return true;
    if (errno == EAGAIN || errno == EINTR) return false;
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

void compare(std::string_view arrived, std::string_view expected, std::string_view what) {
    if (expected.starts_with(arrived)) return;
    const auto at = static_cast<std::size_t>(
        std::distance(arrived.begin(), std::mismatch(arrived.begin(), arrived.end(), expected.begin(), expected.end()).first));
    throw Wrong(std::string(what) + ": byte " + std::to_string(at) + " of " + std::to_string(expected.size()) + " is wrong (" +
                std::to_string(arrived.size()) + " have come)");
}

std::string receive(const Client& client, std::size_t at_most) {
    std::string bytes(at_most, '\0');
    for (const Deadline deadline;;) {
        const ssize_t size = ::recv(client.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (moved(size, "recv")) {
            bytes.resize(static_cast<std::size_t>(size));
            return bytes;
        }
        wait_for(client.fd(), POLLIN, deadline);
    }
}

void receive_all(const Client& client, std::string_view expected, std::string_view what) {
    std::string arrived;
    for (std::string more; !(more = receive(client)).empty();) {
        arrived += more;
        compare(arrived, expected, what);
    }
    if (arrived.size() < expected.size())
        throw std::runtime_error(std::string(what) + ": the end came after " + std::to_string(arrived.size()) + " of " +
                                 std::to_string(expected.size()) + " bytes");
}

void echo_all(const Client& client, std::string_view bytes, const Manner& manner) {
    std::size_t sent = 0;
    std::size_t back = 0;
    std::string buffer(manner.read, '\0');
    Deadline deadline; // for the next byte in either direction
    while (back < bytes.size()) {
        const short wanted = static_cast<short>(sent < bytes.size() ? POLLIN | POLLOUT : POLLIN);
        const short ready = wait_for(client.fd(), wanted, deadline);
        if ((ready & POLLOUT) != 0 && sent < bytes.size()) {
            const ssize_t size = ::send(client.fd(), bytes.data() + sent, std::min(manner.write, bytes.size() - sent),
                                        MSG_DONTWAIT | MSG_NOSIGNAL);
            if (moved(size, "send")) {
                sent += static_cast<std::size_t>(size);
                deadline = Deadline();
                if (sent == bytes.size() && manner.finish) ::shutdown(client.fd(), SHUT_WR);
            }
        }
        if ((ready & (POLLIN | POLLERR | POLLHUP)) != 0) {
            const ssize_t size = ::recv(client.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size == 0) throw std::runtime_error("the echo ended after " + std::to_string(back) + " bytes");
            if (moved(size, "recv")) {
                const auto arrived = static_cast<std::size_t>(size);
                if (back + arrived > sent) throw Wrong("more came back than was sent");
                compare(std::string_view(buffer).substr(0, arrived), bytes.substr(back), "echo");
                back += arrived;
                deadline = Deadline();
            }
        }
        if (manner.pause.count() > 0) std::this_thread::sleep_for(manner.pause);
    }
    if (manner.finish && !receive(client, 1).empty()) throw Wrong("more came back than was sent");
}

} // namespace gatehouse::chaos
