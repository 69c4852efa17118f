// A file in memory: what a child process reads or writes.
#pragma once

#include "base/descriptor.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {

// With the text, to be read from its beginning. Whoever writes to it appends, so that several writers lose nothing. Throws
// std::system_error.
inline Descriptor memory_file(std::string_view text = "") {
    Descriptor file(::memfd_create("gatehouse", MFD_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(file.get(), 0, SEEK_SET) != 0 || ::fcntl(file.get(), F_SETFL, O_APPEND) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot make a file in memory");
    return file;
}

} // namespace gatehouse::host
