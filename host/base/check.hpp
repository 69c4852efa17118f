// States that cannot be. A check that fails ends the process at once and says where: going on would serve a stranger's bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace gatehouse::host {

// Writes one line to standard error and aborts. Allocates nothing. [any]
[[noreturn]] void check_failed(const char* condition, const char* file, int line, std::string_view listener = {},
                               std::uint64_t connection = 0) noexcept;

} // namespace gatehouse::host

// GATEHOUSE_CHECK(condition), or with the listener's name and the connection's id where they are known.
#define GATEHOUSE_CHECK(condition, ...)                                                                                        \
    (__builtin_expect(static_cast<bool>(condition), 1)                                                                         \
         ? static_cast<void>(0)                                                                                                \
         : ::gatehouse::host::check_failed(#condition, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__))
