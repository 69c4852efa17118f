// Text of bounded size that needs no memory of its own. What does not fit is left out.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace gatehouse::host {

template <std::size_t capacity>
class BoundedText {
  public:
    // Not value-initialised: only what has been added is looked at.
    BoundedText() noexcept {} // NOLINT(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init)

    BoundedText& operator+=(std::string_view text) noexcept {
        const std::size_t fits = std::min(text.size(), capacity - size_);
        std::memcpy(text_.data() + size_, text.data(), fits);
        size_ += fits;
        return *this;
    }
    BoundedText& operator+=(char c) noexcept {
        if (size_ < capacity) text_[size_++] = c;
        return *this;
    }
    // As std::to_chars() writes it: with a base, or a format and a precision.
    template <class Number, class... How>
    BoundedText& add(Number number, How... how) noexcept {
        const auto [end, error] = std::to_chars(text_.data() + size_, text_.data() + capacity, number, how...);
        if (error == std::errc()) size_ = static_cast<std::size_t>(end - text_.data());
        return *this;
    }

    // Takes back what was added since the text had this size.
    void cut(std::size_t size) noexcept { size_ = std::min(size, size_); }

    // Something may have been left out.
    bool is_full() const noexcept { return size_ == capacity; }

    std::size_t size() const noexcept { return size_; }
    std::string_view view() const noexcept { return {text_.data(), size_}; }

  private:
    std::array<char, capacity> text_;
    std::size_t size_ = 0;
};

} // namespace gatehouse::host
