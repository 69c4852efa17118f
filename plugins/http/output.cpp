#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace http {

void Output::allow_time_for(std::uint64_t bytes) noexcept {
    has_written_ = true;
    if (min_rate_ == 0)
        conn_.clear_deadline();
    else
        conn_.set_deadline(grace + std::chrono::seconds(bytes / min_rate_));
}

gatehouse::Status Output::flush() noexcept {
    if (!status_ || size_ == 0) return status_;
    allow_time_for(size_);
    status_ = conn_.write(std::string_view(buffer_.data(), size_));
    size_ = 0;
    return status_;
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
    allow_time_for(size_ + length);
    const gatehouse_bytes before{buffer_.data(), size_};
    status_ = conn_.send_file(std::span(&before, 1), fd, offset, length);
    if (status_.code() == GATEHOUSE_UNSUPPORTED) {
        status_ = GATEHOUSE_OK;
        return copy(fd, offset, length);
    }
    size_ = 0;
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
