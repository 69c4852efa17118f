#include "process/usage.hpp"

#include "base/descriptor.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

// The n-th number, from 0, behind the last ')' of a line of /proc, or from its begin if there is none.
std::uint64_t number_of(const char* file, int n) noexcept {
    std::array<char, 1024> buffer{};
    const Descriptor fd(::open(file, O_RDONLY | O_CLOEXEC));
    const ssize_t size = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
    if (size <= 0) return 0;
    std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    if (const std::size_t name = text.rfind(')'); name != std::string_view::npos) text.remove_prefix(name + 2);
    for (; n > 0; --n) text.remove_prefix(std::min(text.find(' '), text.size() - 1) + 1);
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

} // namespace

Nanoseconds cpu_time_of_process() noexcept {
    timespec spent{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) != 0) return 0;
    return Nanoseconds{spent.tv_sec} * 1'000'000'000 + spent.tv_nsec;
}

std::uint64_t resident_memory() noexcept {
    return number_of("/proc/self/statm", 1) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t threads_of_process() noexcept { return number_of("/proc/self/stat", 17); }

std::uint64_t most_descriptors() noexcept {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::optional<std::uint64_t> open_descriptors() noexcept {
    struct Close {
        void operator()(DIR* folder) const noexcept { ::closedir(folder); }
    };
    const std::unique_ptr<DIR, Close> folder(::opendir("/proc/self/fd"));
    if (!folder) return std::nullopt;
    std::uint64_t entries = 0;
    while (::readdir(folder.get()) != nullptr) ++entries; // NOLINT(concurrency-mt-unsafe): a folder of this thread's own
    return entries - 3;                                   // ".", ".." and the one that is read
}

} // namespace gatehouse::host
