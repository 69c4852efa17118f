// An open file, closed with its owner.
#pragma once

#include <unistd.h>
#include <utility>

namespace http {

class File {
  public:
    File() noexcept = default;
    explicit File(int fd) noexcept : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }

    int fd() const noexcept { return fd_; }

  private:
    int fd_ = -1;
};

} // namespace http
