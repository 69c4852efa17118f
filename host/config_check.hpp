// `gatehouse check`: tries what a start does and a running host will do, as far as that disturbs nobody.
#pragma once

#include "config/config.hpp"

namespace gatehouse::host {

// Throws std::runtime_error with everything that is wrong, a line each; warnings go to standard error. With `bind` it binds the
// listeners too, which fails while a host serves them; without, it tries their addresses at any free port. Where the process
// may change to the user of [process], it does at the end, to try what the host will do as that user. [main]
void check(const Config& config, bool bind);

} // namespace gatehouse::host
