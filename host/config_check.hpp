// `gatehouse check`: tries what a start does and a running host will do, as far as that disturbs nobody.
#pragma once

#include "config/config.hpp"

#include <string>
#include <vector>

namespace gatehouse::host {

// Everything that is wrong, each text one problem or a line for each; warnings go to standard error. With `bind` it binds the
// listeners too, which fails while a host serves them; without, it tries their addresses at any free port. Where the process
// may change to the user of [process], it does at the end, to try what the host will do as that user. Throws where it cannot
// even begin. [main]
std::vector<std::string> check(const Config& config, bool bind);

} // namespace gatehouse::host
