// The explanation of a failure that the hook of a plugin is about to return; one for each thread. abi/ and plugins set it, and
// who called the hook takes it.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::host {

// Copies `text`, cut at 512 bytes; replaces what was there. [any]
void set_error_text(std::string_view text) noexcept;

// Gives it back and forgets it; empty: there is none. Throws std::bad_alloc. [any]
std::string take_error_text();

} // namespace gatehouse::host
