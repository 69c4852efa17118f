#include "relay_side.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <sys/socket.h>

namespace gatehouse::host {

ssize_t receive(RelaySide& from, std::span<char> buffer) noexcept {
    ssize_t count = 0;
    do {
        count = ::recv(from.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count > 0) from.read += static_cast<std::uint64_t>(count);
    return count;
}

ssize_t send(RelaySide& to, std::span<const char> bytes) noexcept {
    ssize_t count = 0;
    do {
        count = ::send(to.fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count > 0) to.written += static_cast<std::uint64_t>(count);
    return count;
}

bool deliver(RelaySide& to, std::span<const char> bytes) noexcept {
    const ssize_t sent = send(to, bytes);
    if (sent < 0 && errno != EAGAIN) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    if (bytes.empty()) return true;
    to.kept.reset(new (std::nothrow) char[bytes.size()]);
    if (!to.kept) return false;
    to.kept_begin = 0;
    to.kept_end = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(to.kept.get(), bytes.data(), bytes.size());
    return true;
}

} // namespace gatehouse::host
