#include "base/log_socket.hpp"

#include "base/bounded_text.hpp"
#include "base/log_line.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/un.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds a_second = 1'000'000'000;
constexpr int patience_milliseconds = 1000;
constexpr unsigned dead_after_milliseconds = 10'000; // a TCP peer that acknowledges nothing

// "192.0.2.1:514" or "[2001:db8::1]:514".
bool read_address(std::string_view text, LogReceiver& receiver) noexcept {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) return false;
    std::string_view host = text.substr(0, colon);
    const bool v6 = host.starts_with('[') && host.ends_with(']');
    if (v6) host = host.substr(1, host.size() - 2);
    std::array<char, INET6_ADDRSTRLEN> numeric{};
    if (host.size() >= numeric.size()) return false;
    host.copy(numeric.data(), host.size());
    if (v6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        if (::inet_pton(AF_INET6, numeric.data(), &address.sin6_addr) != 1) return false;
        std::memcpy(&receiver.address, &address, receiver.size = sizeof address);
        return true;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, numeric.data(), &address.sin_addr) != 1) return false;
    std::memcpy(&receiver.address, &address, receiver.size = sizeof address);
    return true;
}

} // namespace

std::optional<LogReceiver> log_receiver(std::string_view text) noexcept {
    constexpr std::string_view unix_socket = "unix:";
    LogReceiver receiver;
    if (text.starts_with(unix_socket)) {
        text.remove_prefix(unix_socket.size());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (text.empty() || text.size() >= sizeof address.sun_path || text.find('\0') != std::string_view::npos)
            return std::nullopt;
        text.copy(address.sun_path, text.size());
        std::memcpy(&receiver.address, &address, receiver.size = sizeof address);
        return receiver;
    }
    if (text.starts_with("tcp:")) receiver.type = SOCK_STREAM;
    if (!text.starts_with("tcp:") && !text.starts_with("udp:")) return std::nullopt;
    text.remove_prefix(4);
    return read_address(text, receiver) ? std::optional(receiver) : std::nullopt;
}

LogSocket::LogSocket(const std::string& receiver, std::string_view end)
    : receiver_([&] {
          const std::optional<LogReceiver> found = log_receiver(receiver);
          if (!found) throw std::runtime_error("the log has no such receiver: " + receiver);
          return *found;
      }()),
      end_(end) {}

void LogSocket::write(std::string_view records) noexcept {
    while (!records.empty()) {
        const std::size_t size = std::min(records.find(end_), records.size());
        if (!send(records.substr(0, size))) dropped_.fetch_add(1, std::memory_order_relaxed);
        records.remove_prefix(std::min(size + end_.size(), records.size()));
    }
}

// A connection that has ended, or a daemon that was started anew, is tried once more.
bool LogSocket::send(std::string_view record) noexcept {
    BoundedText<max_log_line + 512> counted;
    if (receiver_.type == SOCK_STREAM) {
        (counted.add(record.size()) += ' ') += record;
        record = counted.view();
    }
    const bool was_connected = static_cast<bool>(fd_);
    if (!was_connected && !connect()) return false;
    return send_all(record) || (was_connected && !fd_ && connect() && send_all(record));
}

bool LogSocket::send_all(std::string_view bytes) noexcept {
    const std::size_t size = bytes.size();
    while (!bytes.empty()) {
        const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            if (waits_for_room()) continue;
            if (bytes.size() != size) fd_.reset(); // a part of a record is in the stream
            return false;
        } else if (errno != EINTR) {
            if (errno != EMSGSIZE && errno != ENOBUFS) fd_.reset();
            return false;
        }
    }
    return true;
}

bool LogSocket::connect() noexcept {
    const Nanoseconds now = monotonic_now();
    if (now < next_try_) return false;
    stalled_ = false;
    fd_ = Descriptor(::socket(receiver_.address.ss_family, receiver_.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_) {
        next_try_ = now + a_second;
        return false;
    }
    if (receiver_.type == SOCK_STREAM)
        ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after_milliseconds, sizeof dead_after_milliseconds);
    int error = 0;
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&receiver_.address), receiver_.size) != 0) {
        error = errno;
        if (error == EINPROGRESS && waits_for_room()) {
            socklen_t size = sizeof error;
            ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    next_try_ = monotonic_now() + a_second; // after the wait, or each record would wait
    if (error != 0) fd_.reset();
    return error == 0;
}

// Once for a moment, and not at all from then on until it moves again.
bool LogSocket::waits_for_room() noexcept {
    pollfd waiting{fd_.get(), POLLOUT, 0};
    stalled_ = ::poll(&waiting, 1, stalled_ ? 0 : patience_milliseconds) == 0;
    return !stalled_;
}

} // namespace gatehouse::host
