// A name server of the test's own, on UDP and TCP of one port, that answers whatever the test makes up.
#pragma once

#include "sockets.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>

namespace gatehouse::host {

inline std::string dns16(unsigned number) { return {static_cast<char>(number >> 8), static_cast<char>(number)}; }
inline std::string dns32(std::uint32_t number) { return dns16(number >> 16) + dns16(number & 0xffff); }

// "a.b" as it stands in a message.
inline std::string dns_name(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const std::string_view label = text.substr(0, text.find('.'));
        bytes += static_cast<char>(label.size());
        bytes += label;
        text.remove_prefix(std::min(text.size(), label.size() + 1));
    }
    return bytes + '\0';
}

struct DnsQuestion {
    std::string bytes; // the whole message
    std::string name;
    unsigned type = 0;
    bool tcp = false;

    std::string section() const { return bytes.substr(12, name.size() + 2 + 4); }
};

constexpr unsigned dns_a = 1, dns_cname = 5, dns_aaaa = 28, dns_srv = 33;

inline std::string dns_record(unsigned type, std::uint32_t ttl, const std::string& data, const std::string& name = "\xc0\x0c") {
    return name + dns16(type) + dns16(1) + dns32(ttl) + dns16(static_cast<unsigned>(data.size())) + data;
}

inline std::string dns_address(const char* text, std::uint32_t ttl = 1) {
    std::array<char, 16> bytes{};
    const bool v6 = std::string_view(text).find(':') != std::string_view::npos;
    ::inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes.data());
    return dns_record(v6 ? dns_aaaa : dns_a, ttl, {bytes.data(), v6 ? 16U : 4U});
}

inline std::string dns_service(unsigned priority, unsigned weight, unsigned port, const std::string& target,
                               std::uint32_t ttl = 1) {
    return dns_record(dns_srv, ttl, dns16(priority) + dns16(weight) + dns16(port) + dns_name(target));
}

// A message: NOERROR with these records, or another code (2: SERVFAIL, 3: NXDOMAIN).
inline std::string dns_reply(const DnsQuestion& question, const std::string& records = "", unsigned count = 0,
                             unsigned code = 0, bool truncated = false) {
    return question.bytes.substr(0, 2) + dns16(0x8180 | code | (truncated ? 0x200U : 0U)) + dns16(1) + dns16(count) + dns16(0) +
           dns16(0) + question.section() + records;
}

class DnsServer {
  public:
    // Nothing: no answer at all.
    using Answer = std::function<std::optional<std::string>(const DnsQuestion&)>;

    explicit DnsServer(Answer answer) : answer_(std::move(answer)) {
        for (int attempt = 0; attempt < 50; ++attempt) { // until a port is free for both
            Loopback address;
            Descriptor udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            Descriptor tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (::bind(udp.get(), address.get(), address.size) != 0) continue;
            ::getsockname(udp.get(), address.get(), &address.size);
            if (::bind(tcp.get(), address.get(), address.size) != 0 || ::listen(tcp.get(), 16) != 0) continue;
            udp_ = std::move(udp);
            tcp_ = std::move(tcp);
            address_ = "127.0.0.1:" + std::to_string(address.port());
            thread_ = std::thread([this] { run(); });
            return;
        }
        throw std::runtime_error("no port for a name server");
    }
    ~DnsServer() {
        stop_.store(true);
        thread_.join();
    }
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    const std::string& address() const { return address_; }
    void answer_with(Answer answer) {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }
    std::atomic<int> asked{0};
    std::atomic<int> asked_by_tcp{0};

  private:
    static std::optional<DnsQuestion> parse(std::string bytes, bool tcp) {
        DnsQuestion question{std::move(bytes), "", 0, tcp};
        std::size_t at = 12;
        while (at < question.bytes.size() && question.bytes[at] != 0) {
            const auto length = static_cast<unsigned char>(question.bytes[at]);
            question.name += (question.name.empty() ? "" : ".") + question.bytes.substr(at + 1, length);
            at += length + 1U;
        }
        if (at + 5 > question.bytes.size()) return std::nullopt;
        question.type = static_cast<unsigned char>(question.bytes[at + 2]);
        return question;
    }

    std::optional<std::string> reply_to(std::string bytes, bool tcp) {
        const std::optional<DnsQuestion> question = parse(std::move(bytes), tcp);
        if (!question) return std::nullopt;
        (tcp ? asked_by_tcp : asked).fetch_add(1);
        const std::lock_guard lock(mutex_);
        return answer_(*question);
    }

    void run() {
        while (!stop_.load()) {
            std::array<pollfd, 2> waiting{{{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}}};
            ::poll(waiting.data(), waiting.size(), 5);
            if ((waiting[0].revents & POLLIN) != 0) serve_udp();
            if ((waiting[1].revents & POLLIN) != 0) serve_tcp();
        }
    }

    void serve_udp() {
        std::array<char, 2048> buffer; // not initialised: filled by recvfrom
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const ssize_t got = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
        if (got <= 12) return;
        const auto reply = reply_to({buffer.data(), static_cast<std::size_t>(got)}, false);
        if (reply) ::sendto(udp_.get(), reply->data(), reply->size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
    }

    void serve_tcp() { // one question for each connection, so that nobody waits behind an idle one
        const Descriptor client = accept_from(tcp_);
        const timeval patience{2, 0};
        ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::array<unsigned char, 2> length{};
        if (::recv(client.get(), length.data(), 2, MSG_WAITALL) != 2) return;
        std::string message(static_cast<std::size_t>(length[0] << 8 | length[1]), '\0');
        if (::recv(client.get(), message.data(), message.size(), MSG_WAITALL) != static_cast<ssize_t>(message.size())) return;
        const auto reply = reply_to(std::move(message), true);
        if (!reply) return;
        const std::string framed = dns16(static_cast<unsigned>(reply->size())) + *reply;
        ::send(client.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
    }

    Descriptor udp_; // constant after construction, as are the next two
    Descriptor tcp_;
    std::string address_;
    std::mutex mutex_;
    Answer answer_; // guarded by mutex_
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

} // namespace gatehouse::host
