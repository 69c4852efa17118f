// How a test has the memory of a running host fail: failing_malloc.cpp, preloaded into the host, looks at this, which both have
// mapped from a file.
#pragma once

#include <atomic>
#include <cstdint>

namespace gatehouse::support {

inline constexpr char failing_malloc_file[] = "GATEHOUSE_FAILING_MALLOC"; // the environment variable that names the file

struct FailingMalloc {
    std::atomic<std::int64_t> before;  // so many allocations succeed
    std::atomic<std::int64_t> failing; // then so many fail; 0: none does
    std::atomic<std::int64_t> failed;  // so many have
};

} // namespace gatehouse::support
