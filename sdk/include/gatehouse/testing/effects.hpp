// What a call has left behind in this process: threads, and descriptors of files and sockets. By /proc; without one there is
// nothing to see.
#ifndef GATEHOUSE_TESTING_EFFECTS_HPP
#define GATEHOUSE_TESTING_EFFECTS_HPP

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace gatehouse::kit::detail {

class Effects {
  public:
    Effects() : threads_(entries("/proc/self/task")), descriptors_(entries("/proc/self/fd").size()) {}

    // Since this was made; empty: nothing.
    std::string since() const {
        std::vector<std::string> started;
        std::ranges::set_difference(entries("/proc/self/task"), threads_, std::back_inserter(started));
        const std::size_t now = entries("/proc/self/fd").size();
        std::string text;
        if (!started.empty()) text = "a thread";
        if (now > descriptors_) text += text.empty() ? "a descriptor" : " and a descriptor";
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

    std::set<std::string> threads_;
    std::size_t descriptors_; // the one for /proc/self/fd itself is in both counts
};

} // namespace gatehouse::kit::detail

#endif
