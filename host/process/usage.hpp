// What the process uses, as the kernel says. 0: it does not say. [any]
#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <optional>

namespace gatehouse::host {

Nanoseconds cpu_time_of_process() noexcept; // user and system
std::uint64_t resident_memory() noexcept;   // bytes
std::uint64_t threads_of_process() noexcept;
std::uint64_t most_descriptors() noexcept; // that may be open
// That are open. Nothing: a process that has changed its user may not look.
std::optional<std::uint64_t> open_descriptors() noexcept;

} // namespace gatehouse::host
