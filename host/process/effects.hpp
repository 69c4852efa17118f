// What code does to the world outside of it: the files, sockets, threads and processes that it tries to make or change.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gatehouse::host {

// Runs `work` in a thread of its own whose system calls are watched (a seccomp filter that notifies), and returns what it has
// tried: "opens /tmp/x for writing". Each of these calls has failed with EPERM, so that nothing has come of it. What `work`
// throws is thrown. Throws std::system_error without having run it if this system has no such filters. Once in a process.
// [main]
std::vector<std::string> effects_of(const std::function<void()>& work);

} // namespace gatehouse::host
