#include "base/did_you_mean.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace gatehouse::host {
namespace {

// Longer words get no suggestion: it bounds the work, and no key is as long.
constexpr std::size_t max_length = 64;

char folded(char c) { return c == '-' ? '_' : ascii_lower(c); }

// The Damerau-Levenshtein distance (optimal string alignment), which keeps three rows of the table.
std::size_t distance(std::string_view a, std::string_view b) {
    using Row = std::array<std::size_t, max_length + 1>;
    Row before{};
    Row above{};
    Row row{};
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const char x = folded(a[i - 1]);
            const char y = folded(b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0 : 1)});
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2])) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

} // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
    if (word.empty() || word.size() > max_length) return "";
    std::string best;
    std::size_t least = max_length;
    for (const std::string& candidate : candidates) {
        if (candidate.empty() || candidate.size() > max_length) continue;
        const bool abbreviated =
            std::min(word.size(), candidate.size()) >= 3 && (candidate.starts_with(word) || word.starts_with(candidate));
        const std::size_t errors = abbreviated ? 1 : distance(word, candidate);
        const std::size_t allowed = std::max(word.size(), candidate.size()) / 3;
        if (errors <= allowed && errors < least) {
            least = errors;
            best = candidate;
        }
    }
    return best;
}

} // namespace gatehouse::host
