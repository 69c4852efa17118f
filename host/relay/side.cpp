#include "relay/side.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::host {

ssize_t receive(RelaySide& from, std::span<char> buffer) noexcept {
    ssize_t count = 0;
    do {
        count = from.channel->receive(buffer.data(), buffer.size());
    } while (count < 0 && errno == EINTR);
    if (from.channel->tls &&
        count > 0) { // until the buffer is full or nothing is left: no event tells of what has been taken in
        auto size = static_cast<std::size_t>(count);
        while (size < buffer.size()) {
            const ssize_t more = from.channel->receive(buffer.data() + size, buffer.size() - size);
            if (more <= 0) { // the end, or a failure, is said once more when it is asked for
                from.channel->hangup = from.channel->hangup || more == 0 || errno != EAGAIN;
                break;
            }
            size += static_cast<std::size_t>(more);
        }
        count = static_cast<ssize_t>(size);
    }
    if (count > 0) from.channel->count_in(static_cast<std::uint64_t>(count));
    return count;
}

ssize_t send(RelaySide& to, std::span<const char> bytes) noexcept {
    for (std::size_t sent = 0;;) { // with TLS, a record at a time
        const ssize_t count = to.channel->transmit(bytes.data() + sent, bytes.size() - sent, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN && sent > 0) return static_cast<ssize_t>(sent);
        if (count <= 0) return count;
        sent += static_cast<std::size_t>(count);
        to.channel->count_out(static_cast<std::uint64_t>(count));
        if (!to.channel->tls || sent == bytes.size()) return static_cast<ssize_t>(sent);
    }
}

void check_kept(const RelaySide& side) noexcept { GATEHOUSE_CHECK(!side.kept || !side.pipe); }

bool deliver(RelaySide& to, std::span<const char> bytes) noexcept {
    GATEHOUSE_CHECK(!to.held_up() && bytes.size() <= most_kept); // what is kept goes first
    const ssize_t sent = send(to, bytes);
    if (sent == 0 || (sent < 0 && errno != EAGAIN)) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    if (bytes.empty()) return true;
    std::unique_ptr<char[]> copy(new (std::nothrow) char[bytes.size()]);
    if (!copy) return false;
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    to.kept.reset(new (std::nothrow) RelaySide::Kept{std::move(copy), 0, static_cast<std::uint32_t>(bytes.size())});
    return to.kept != nullptr;
}

} // namespace gatehouse::host
