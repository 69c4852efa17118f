#include "listen/accept_queue.hpp"

#include "base/descriptor.hpp"

#include <array>
#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace gatehouse::host {
namespace {

constexpr int answer_timeout = 100; // milliseconds; the kernel answers before send() returns

std::optional<AcceptQueue> tcp_queue(int fd) noexcept {
    // On a listening socket these two fields of TCP_INFO are the length of the accept queue and its limit.
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    size = sizeof memory;
    const bool told = ::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0;
    const std::uint32_t drops = told ? memory[SK_MEMINFO_DROPS] : 0;
    if (info.tcpi_state != TCP_LISTEN) return AcceptQueue{0, 0, drops}; // paused: see Listener
    return AcceptQueue{info.tcpi_unacked, info.tcpi_sacked, drops};
}

// Asks for one socket by its inode number: sock_diag(7).
bool ask(int netlink, std::uint32_t inode) noexcept {
    struct {
        nlmsghdr header;
        unix_diag_req request;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST;
    message.request.sdiag_family = AF_UNIX;
    message.request.udiag_ino = inode;
    message.request.udiag_show = UDIAG_SHOW_RQLEN;
    message.request.udiag_cookie[0] = message.request.udiag_cookie[1] = ~0U; // any
    return ::send(netlink, &message, sizeof message, 0) == sizeof message;
}

std::optional<AcceptQueue> queue_in(const std::byte* answer, std::size_t size) noexcept {
    nlmsghdr header{};
    constexpr std::size_t head = NLMSG_LENGTH(sizeof(unix_diag_msg));
    if (size < head) return std::nullopt;
    std::memcpy(&header, answer, sizeof header);
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || header.nlmsg_len > size) return std::nullopt;
    for (std::size_t at = NLMSG_ALIGN(head); at + sizeof(rtattr) <= header.nlmsg_len;) {
        rtattr attribute{};
        std::memcpy(&attribute, answer + at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > header.nlmsg_len) return std::nullopt;
        if (attribute.rta_type == UNIX_DIAG_RQLEN && attribute.rta_len >= RTA_LENGTH(sizeof(unix_diag_rqlen))) {
            unix_diag_rqlen queue{};
            std::memcpy(&queue, answer + at + RTA_LENGTH(0), sizeof queue);
            return AcceptQueue{queue.udiag_rqueue, queue.udiag_wqueue, 0};
        }
        at += RTA_ALIGN(attribute.rta_len);
    }
    return std::nullopt;
}

std::optional<AcceptQueue> unix_queue(int fd) noexcept {
    struct stat file{};
    if (::fstat(fd, &file) != 0) return std::nullopt;
    const Descriptor netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
    if (!netlink || !ask(netlink.get(), static_cast<std::uint32_t>(file.st_ino))) return std::nullopt;
    pollfd waiting{netlink.get(), POLLIN, 0};
    if (::poll(&waiting, 1, answer_timeout) <= 0) return std::nullopt;
    std::array<std::byte, 4096> answer{};
    const ssize_t size = ::recv(netlink.get(), answer.data(), answer.size(), 0);
    return size > 0 ? queue_in(answer.data(), static_cast<std::size_t>(size)) : std::nullopt;
}

} // namespace

std::optional<AcceptQueue> accept_queue(int fd) noexcept {
    int family = 0;
    socklen_t size = sizeof family;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return std::nullopt;
    return family == AF_UNIX ? unix_queue(fd) : tcp_queue(fd);
}

} // namespace gatehouse::host
