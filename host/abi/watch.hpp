// What a connection waits for beside its client's bytes: watch(), wait() and news() of the host's table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <gatehouse/gatehouse.h>

namespace gatehouse::host {

gatehouse_status watch(gatehouse_conn* conn, gatehouse_conn* stream, std::uint32_t wanted) noexcept;
gatehouse_status wait(gatehouse_conn* conn, std::uint64_t milliseconds) noexcept;
std::size_t news(gatehouse_conn* conn, gatehouse_news* items, std::size_t capacity, std::size_t stride) noexcept;

} // namespace gatehouse::host
