// Says what a person has most likely done where the TOML parser has stopped: it only knows which byte it did not expect.
#pragma once

#include "config/place.hpp"

#include <string>
#include <string_view>

namespace gatehouse::host {

// The cause and the cure, "5m needs quotes (expected \"5m\")"; "" if nothing comes to mind. `at` is where the parser has
// stopped.
std::string explain_syntax_error(std::string_view text, Position at);

} // namespace gatehouse::host
