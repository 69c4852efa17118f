// The keeper: a process that the host starts before it gives anything up, and that still has what the host gives up then. It
// does one thing: it starts the program that the host was started from, as it lies on disk by then, with the host's arguments.
// It has no network, no threads and one socket, through which the host asks; it ends when the host does.
#pragma once

#include "base/descriptor.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace gatehouse::host {

class Keeper {
  public:
    // Begins it, before any thread is started. `arguments`: of the host, without the program's name. Throws std::system_error.
    // [main]
    explicit Keeper(std::vector<std::string> arguments);
    ~Keeper(); // it ends
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;

    // Has the program started; `channel` becomes its standard input, which it takes for the way to the host before it (see
    // predecessor.hpp). If that fails, the keeper says so through the channel, and closes it. The program that was started
    // before is ended if it still runs. Returns 0 or an errno. [main]
    int start(int channel) const noexcept;

    // Ends what was started last, if it still runs. [main]
    void kill() const noexcept;

  private:
    pid_t pid_; // constant after construction
    Descriptor socket_;
};

} // namespace gatehouse::host
