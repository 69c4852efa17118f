#include "base/histogram.hpp"

#include <cmath>
#include <numeric>

namespace gatehouse::host {

std::uint64_t histogram_percentile(const Histogram::Counts& counts, double percent) noexcept {
    const std::uint64_t all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    if (all == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(all) * percent / 100));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        seen += counts[i];
        if (seen >= wanted) return histogram_limit(i);
    }
    return histogram_limit(counts.size() - 1);
}

} // namespace gatehouse::host
