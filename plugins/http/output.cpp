#include "output.hpp"
#include "file.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

namespace http {

void Output::allow_time_for(std::uint64_t bytes) noexcept {
    has_moved_deadline_ = true;
    if (min_rate_ == 0)
        conn_.clear_deadline();
    else
        conn_.set_deadline(grace + std::chrono::seconds(bytes / min_rate_));
}

gatehouse::Status Output::flush() noexcept {
    if (!status_ || size_ == 0) return status_;
    send(-1, 0, 0);
    return status_;
}

// The buffer, and a part of a file.
void Output::send(int fd, std::uint64_t offset, std::uint64_t length) noexcept {
    const gatehouse_bytes before{buffer_.data(), size_};
    auto left = conn_.send(std::span(&before, 1), fd, offset, length);
    if (left.status() == gatehouse::Status::again) { // the host holds as much as it holds for anybody: wait for the client
        allow_time_for(size_);
        status_ = conn_.write(std::span(&before, 1));
        if (status_) left = conn_.send({}, fd, offset, length);
    }
    size_ = 0;
    if (status_) status_ = left.status();
    left_ = status_ && *left > 0;
    if (left_) allow_time_for(*left);
}

void Output::text(std::string_view text) noexcept {
    while (status_ && !text.empty()) {
        if (size_ == capacity && !flush()) return;
        const std::size_t count = std::min(text.size(), capacity - size_);
        std::copy_n(text.data(), count, buffer_.data() + size_);
        size_ += count;
        text.remove_prefix(count);
    }
}

void Output::body(std::string_view text) noexcept {
    if (text.size() < sendfile_from) return this->text(text);
    const File memory(::memfd_create("answer", MFD_CLOEXEC));
    if (memory.fd() < 0 || ::write(memory.fd(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return this->text(text);
    file(memory.fd(), 0, text.size());
}

void Output::number(std::uint64_t value) noexcept {
    std::array<char, 20> digits;
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    text({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void Output::file(int fd, std::uint64_t offset, std::uint64_t length) noexcept {
    if (!status_) return;
    if (length < sendfile_from) {
        if (length > capacity - size_ && !flush()) return;
        return copy(fd, offset, length);
    }
    send(fd, offset, length);
}

void Output::copy(int fd, std::uint64_t offset, std::uint64_t length) noexcept {
    while (status_ && length > 0) {
        if (size_ == capacity && !flush()) return;
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(length, capacity - size_));
        const ssize_t got = ::pread(fd, buffer_.data() + size_, want, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            status_ = GATEHOUSE_FAILED;
            return;
        }
        size_ += static_cast<std::size_t>(got);
        offset += static_cast<std::uint64_t>(got);
        length -= static_cast<std::uint64_t>(got);
    }
}

} // namespace http
