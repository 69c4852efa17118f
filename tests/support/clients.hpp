// Plain sockets for tests: a client, and a server that stands in for an upstream. Every call has a deadline and throws TooLate
// when it passes.
#pragma once

#include "deadline.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::support {

class Client {
  public:
    // Connects to "127.0.0.1:PORT", "[::1]:PORT", "unix:/path" or "unix:@abstract"; throws if that is refused. `from`: the
    // address that it comes from, as "127.0.0.2:0"; "": the kernel's choice.
    explicit Client(const std::string& address, const std::string& from = "");
    explicit Client(std::uint16_t port) : Client("127.0.0.1:" + std::to_string(port)) {}
    static Client adopt(int fd) { return Client(fd, 0); } // a connected socket

    ~Client() { close(); }
    Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Client& operator=(Client&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    void send(std::string_view bytes); // all of them
    std::string recv_exactly(std::size_t size);
    std::string recv_until(std::string_view end); // up to and including it
    // Until the other side has finished; throws if it resets.
    std::string recv_until_eof();

    // Reads to the end, whatever that is.
    struct Rest {
        std::string bytes;
        bool reset = false;
    };
    Rest rest();

    // Whether something to read, or the end, comes within this time. For what must not happen, which has no event to wait for.
    bool readable(std::chrono::milliseconds within);

    // Whether the next thing that comes is the end of the stream, or a reset.
    bool ends();
    // Sends, and whether the same comes back. False also if the connection ends, or has ended, meanwhile.
    bool echoes(std::string_view bytes);

    void finish(); // half-close
    void reset();  // ends it so that the other side gets a reset
    void close() noexcept;

    std::string local_address() const; // as it stands in the host's log as peer
    int fd() const noexcept { return fd_; }

  private:
    Client(int fd, int) : fd_(fd) {}
    std::size_t recv_some(char* buffer, std::size_t capacity, const Deadline& deadline); // 0: the end

    int fd_ = -1;
};

// Lets the kernel keep little of what comes and is not read. It would keep many megabytes otherwise, and it takes long to fill
// them.
void limit_receive_buffer(int fd);

// Whether connecting is refused, rather than accepted.
bool refused(const std::string& address);

// "80" of "192.0.2.1:80".
inline std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

class Server {
  public:
    // Listens on "127.0.0.1:0", "[::1]:0", "unix:/path", or a ReservedAddress, ... with this backlog.
    explicit Server(const std::string& address = "127.0.0.1:0", int backlog = 128);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    Client accept();
    const std::string& address() const noexcept { return address_; } // with the port it got
    int fd() const noexcept { return fd_; }

  private:
    int fd_ = -1; // constant after construction
    std::string address_;
};

// An address that nobody listens on, and nobody will but a program that is told to: a socket that does not listen is bound to
// it as long as the object lives. The kernel then gives the port to nobody who asks for any, and to those who ask for this one
// with SO_REUSEADDR, as servers do.
class ReservedAddress {
  public:
    explicit ReservedAddress(const std::string& address = "127.0.0.1:0");
    ~ReservedAddress();
    ReservedAddress(const ReservedAddress&) = delete;
    ReservedAddress& operator=(const ReservedAddress&) = delete;
    const std::string& address() const noexcept { return address_; }
    std::string port() const { return port_of(address_); }

  private:
    int fd_ = -1;
    std::string address_;
};

} // namespace gatehouse::support
