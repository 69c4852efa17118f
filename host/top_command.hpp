// `gatehouse top`: the tables of top_screen.hpp, again and again, on a terminal.
#pragma once

#include "base/units.hpp"
#include "control/message.hpp"

#include <functional>

namespace gatehouse::host {

struct TopOptions {
    Milliseconds every{1000}; // between two answers
    bool once = false;        // one table, on whatever standard output is, and the end
    bool json = false;        // the same as JSON
};

// Until q, Ctrl-C, SIGTERM, SIGHUP or the end of standard input. `ask` asks the host and throws std::runtime_error if it
// cannot; then the screen says so, and goes on when it can, but not with `once`. Throws std::runtime_error; also if there is no
// terminal.
void run_top(const TopOptions& options, const std::function<HostAnswer(Question question)>& ask);

} // namespace gatehouse::host
