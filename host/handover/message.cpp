#include "handover/message.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>
#include <system_error>

namespace gatehouse::host {
namespace {

constexpr std::string_view greeting = "gatehouse 1";

// Without its end; nothing: it has none.
std::optional<std::string_view> take_text(std::string_view& bytes) noexcept {
    const std::size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    return text;
}

} // namespace

std::string_view HandoverMessage::value(std::string_view name) const noexcept {
    for (const auto& [each, value] : fields)
        if (each == name) return value;
    return "";
}

std::pair<Descriptor, Descriptor> handover_channel() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot open a channel to a new process");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string handover_bytes(std::string_view what, const HandoverMessage::Fields& fields) {
    std::string bytes;
    const auto add = [&](std::string_view text) {
        if (text.find('\0') != std::string_view::npos) throw std::length_error("a value of a hand-over has a NUL");
        bytes += text;
        bytes += '\0';
    };
    add(greeting);
    add(what);
    for (const auto& [name, value] : fields) add(name + '=' + value);
    if (bytes.size() > HandoverMessage::most_bytes) throw std::length_error("a message of a hand-over is too long");
    return bytes;
}

std::optional<HandoverMessage> parse_handover(std::string_view bytes) {
    if (bytes.size() > HandoverMessage::most_bytes || take_text(bytes) != greeting) return std::nullopt;
    const std::optional<std::string_view> what = take_text(bytes);
    if (!what || what->empty()) return std::nullopt;
    HandoverMessage message;
    message.what = *what;
    while (!bytes.empty()) {
        const std::optional<std::string_view> field = take_text(bytes);
        const std::size_t equals = field ? field->find('=') : std::string_view::npos;
        if (equals == std::string_view::npos) return std::nullopt;
        message.fields.emplace_back(field->substr(0, equals), field->substr(equals + 1));
    }
    return message;
}

int send_handover(int channel, std::string_view bytes, std::span<const int> descriptors) noexcept {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(HandoverMessage::most_descriptors * sizeof(int))> control{};
    iovec data{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (descriptors.size() > HandoverMessage::most_descriptors) return EMSGSIZE;
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return 0;
    return errno == ECONNRESET ? EPIPE : errno; // it has gone with something unread
}

std::optional<HandoverMessage> receive_handover(int channel, int& error) {
    std::string bytes(HandoverMessage::most_bytes, '\0');
    std::vector<Descriptor> received;
    received.reserve(HandoverMessage::most_descriptors); // so that none is lost
    alignas(cmsghdr) std::array<char, CMSG_SPACE(HandoverMessage::most_descriptors * sizeof(int))> control{};
    iovec data{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t size = 0;
    do {
        size = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (size < 0 && (errno == EINTR || errno == ECONNRESET)); // said once, and before what is still to be read
    if (size <= 0) {
        error = size == 0 ? EPIPE : errno;
        return std::nullopt;
    }
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        std::array<int, HandoverMessage::most_descriptors> numbers{};
        const std::size_t length = each->cmsg_len - CMSG_LEN(0);
        std::memcpy(numbers.data(), CMSG_DATA(each), length);
        for (std::size_t i = 0; i < length / sizeof(int); ++i) received.emplace_back(numbers[i]);
    }
    bytes.resize(static_cast<std::size_t>(size));
    std::optional<HandoverMessage> message = parse_handover(bytes);
    const bool whole = message && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    error = whole ? 0 : EPROTO;
    if (!whole) return std::nullopt;
    message->descriptors = std::move(received);
    return message;
}

} // namespace gatehouse::host
