#include "file_check.hpp"

#include "config/plan.hpp"

#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <new>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

// By the user that the host runs as.
bool is_forbidden(const std::filesystem::path& file) noexcept {
    return ::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0 && errno == EACCES;
}

// A file that cannot be used says something else than what runs. Throws std::bad_alloc.
bool says_something_else(const Config& running, const std::function<Config()>& load) {
    try {
        return !plan_of(running, load()).empty();
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception&) {
        return true;
    }
}

} // namespace

void FileCheck::look(unsigned generation, const Config& running, const std::function<Config()>& load) noexcept {
    try {
        std::vector<FileStamp> stamps; // before they are read
        bool forbidden = false;
        for (const std::filesystem::path& file : running.files.list) {
            stamps.push_back(stamp_of(file));
            forbidden = forbidden || is_forbidden(file);
        }
        if (forbidden) {
            found_.store(0);
            generation_ = 0;
        } else if (generation != generation_ || stamps != stamps_) {
            found_.store(std::uint64_t{generation} << 1U | (says_something_else(running, load) ? 1U : 0U));
            generation_ = generation;
            stamps_ = std::move(stamps);
        }
    } catch (const std::bad_alloc&) { // whoever asks next has them looked at again
    }
    state_.store(State::idle);
}

} // namespace gatehouse::host
