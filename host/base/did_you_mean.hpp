// The nearest known word to a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gatehouse::host {

// The candidate that is most likely meant by `word`, or "" if none is close: at most one typing error (a letter missing, extra,
// wrong, or two swapped) for every three letters. Case, and '-' for '_', do not count as errors; an abbreviation ("warn" for
// "warning", or the other way round) counts as one.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

} // namespace gatehouse::host
