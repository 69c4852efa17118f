#include "file_check.hpp"

#include "config/plan.hpp"

#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <new>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

// Not by the user that the host runs as; or only once, as a pipe.
bool cannot_be_read(const std::filesystem::path& file) noexcept {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(file, error);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return true;
    return ::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0 && errno == EACCES;
}

// What the files say. Nothing: they are wrong, or there is no descriptor for one at the moment. Throws std::bad_alloc.
std::optional<Config> loaded(const std::function<Config()>& load) {
    try {
        return load();
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

} // namespace

void FileCheck::look(unsigned generation, const Config& running, const std::function<Config()>& load) noexcept {
    try {
        std::vector<FileStamp> stamps; // before they are read
        bool readable = true;
        for (const std::filesystem::path& file : running.files.list) {
            stamps.push_back(stamp_of(file));
            readable = readable && !cannot_be_read(file);
        }
        if (!readable) {
            found_.store(0);
            generation_ = 0;
        } else if (generation != generation_ || stamps != stamps_) {
            const std::optional<Config> next = loaded(load);
            const bool differs = !next || !plan_of(running, *next).empty();
            found_.store(std::uint64_t{generation} << 1U | (differs ? 1U : 0U));
            generation_ = next ? generation : 0; // what cannot be read is looked at again
            stamps_ = std::move(stamps);
        }
    } catch (const std::bad_alloc&) { // whoever asks next has them looked at again
    }
    state_.store(State::idle);
}

} // namespace gatehouse::host
