#include "plugin/error_text.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {
namespace {

// Not a std::string: a plugin's thread-exit code may still call set_error() when thread-local objects are being destroyed.
thread_local std::array<char, 512> error_text;
thread_local std::size_t error_size = 0;

} // namespace

void set_error_text(std::string_view text) noexcept {
    error_size = std::min(text.size(), error_text.size());
    std::copy_n(text.data(), error_size, error_text.data());
}

std::string take_error_text() {
    std::string text(error_text.data(), error_size);
    error_size = 0;
    return text;
}

} // namespace gatehouse::host
