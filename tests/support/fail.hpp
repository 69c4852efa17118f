// How the calls of this folder report that the kernel said no.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace gatehouse::support {

[[noreturn]] inline void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

} // namespace gatehouse::support
