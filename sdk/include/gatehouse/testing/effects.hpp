// What a call has left behind in this process: threads, sockets, and files that it writes. A file or folder that is only read
// is no effect. By /proc; without one there is nothing to see.
#ifndef GATEHOUSE_TESTING_EFFECTS_HPP
#define GATEHOUSE_TESTING_EFFECTS_HPP

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace gatehouse::kit::detail {

class Effects {
  public:
    Effects() : threads_(entries("/proc/self/task")), descriptors_(descriptors()) {}

    // Since this was made; empty: nothing.
    std::string since() const {
        std::vector<std::string> started;
        std::ranges::set_difference(entries("/proc/self/task"), threads_, std::back_inserter(started));
        std::string text;
        if (!started.empty()) text = "a thread";
        if (descriptors() > descriptors_) text += text.empty() ? "a descriptor" : " and a descriptor";
        return text;
    }

  private:
    static std::set<std::string> entries(const char* folder) {
        std::set<std::string> names;
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(folder, none))
            names.insert(entry.path().filename().string());
        return names;
    }

    static std::ptrdiff_t descriptors() {
        return std::ranges::count_if(entries("/proc/self/fd"), [](const std::string& number) {
            const int fd = std::atoi(number.c_str());
            struct stat status{};
            if (::fstat(fd, &status) != 0) return false; // that of /proc/self/fd itself
            const bool is_file = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
            return !is_file || (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
        });
    }

    std::set<std::string> threads_;
    std::ptrdiff_t descriptors_;
};

} // namespace gatehouse::kit::detail

#endif
