// Preloaded into a host: its allocations fail when the test says so. See failing_malloc.hpp.
#include "failing_malloc.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

// glibc's own names for its functions, which the ones below stand before.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

using gatehouse::support::FailingMalloc;

FailingMalloc* wanted = nullptr;

__attribute__((constructor)) void open_wanted() {
    const char* const file = std::getenv(gatehouse::support::failing_malloc_file);
    const int fd = file != nullptr ? ::open(file, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void* const shared = ::mmap(nullptr, sizeof(FailingMalloc), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (shared != MAP_FAILED) wanted = static_cast<FailingMalloc*>(shared);
}

bool fails() {
    if (wanted == nullptr || wanted->failing.load() == 0) return false;
    if (wanted->before.fetch_sub(1) > 0) return false;
    if (wanted->failing.fetch_sub(1) <= 0) {
        wanted->failing.store(0);
        return false;
    }
    wanted->failed.fetch_add(1);
    errno = ENOMEM;
    return true;
}

} // namespace

extern "C" {

void* malloc(std::size_t size) noexcept { return fails() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) noexcept { return fails() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* memory, std::size_t size) noexcept { return fails() ? nullptr : __libc_realloc(memory, size); }
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return fails() ? nullptr : __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept { return memalign(alignment, size); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    *memory = memalign(alignment, size);
    return *memory != nullptr ? 0 : ENOMEM;
}
}
