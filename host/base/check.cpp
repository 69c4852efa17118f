#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace gatehouse::host {

void check_failed(const char* condition, const char* file, int line, std::string_view listener,
                  std::uint64_t connection) noexcept {
    std::array<char, 512> text{};
    const char* const slash = std::strrchr(file, '/');
    int size = std::snprintf(text.data(), text.size(), "gatehouse: impossible state at %s:%d: %s",
                             slash != nullptr ? slash + 1 : file, line, condition);
    // The last byte is kept for the end of the line, which a text that is too long has as well.
    const auto used = [&] { return std::min(static_cast<std::size_t>(size), text.size() - 1); };
    if (!listener.empty())
        size += std::snprintf(text.data() + used(), text.size() - used(), " (listener %.*s, connection %llx)",
                              static_cast<int>(listener.size()), listener.data(), static_cast<unsigned long long>(connection));
    text[used()] = '\n';
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), used() + 1);
    std::abort();
}

} // namespace gatehouse::host
