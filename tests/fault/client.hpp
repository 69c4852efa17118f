// A plain blocking client on the loopback, with a time limit for everything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::testing {

class Client {
  public:
    explicit Client(std::uint16_t port); // not connected if that failed
    ~Client() { close(); }
    Client(Client&& other) noexcept;
    Client& operator=(Client&& other) noexcept;

    bool connected() const noexcept { return fd_ >= 0; }
    int descriptor() const noexcept { return fd_; }

    bool send(std::string_view bytes);  // false: the connection is gone
    std::string read(std::size_t size); // exactly so many bytes, fewer at the end of the stream, at a reset or after `patience`
    std::string read_all();             // up to the end of the stream
    bool ends();                        // the next thing that comes is the end of the stream, or a reset
    void finish();                      // half-close
    void reset();                       // close with a reset
    void close();

    // Sends and expects the same back.
    bool echoes(std::string_view bytes) { return send(bytes) && read(bytes.size()) == bytes; }

  private:
    int fd_ = -1;
};

// A listening socket for tests of upstreams.
class Upstream {
  public:
    Upstream();
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    int accept() const; // a descriptor, or -1 after `patience` or shut()
    void shut();

  private:
    int fd_;
    std::uint16_t port_ = 0;
};

// Closes with a reset.
void close_with_reset(int fd);

} // namespace gatehouse::testing
