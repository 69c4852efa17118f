#include "net/source_hash.hpp"

#include <random>

namespace gatehouse::host {
namespace {

// The two halves of the product, folded: every bit of the input reaches every bit of the result.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{a} * b;
    return static_cast<std::uint64_t>(product >> 64U) ^ static_cast<std::uint64_t>(product);
}

// Drawn once: the machine's source of randomness takes tens of microseconds to be asked, and there are thousands of tables.
const std::array<std::uint64_t, 2>& process_secret() {
    static const std::array<std::uint64_t, 2> secret = [] {
        std::array<std::uint64_t, 2> words{};
        std::random_device random;
        for (std::uint64_t& word : words) word = std::uint64_t{random()} << 32U | random();
        return words;
    }();
    return secret;
}

} // namespace

SourceHash::SourceHash() : secret_(process_secret()) {}

std::uint64_t SourceHash::operator()(const IpAddress& source) const noexcept {
    const std::uint64_t half = mix(source.high ^ secret_[0], secret_[1] | 1U);
    return mix(half ^ source.low ^ (source.v6 ? 1 : 0), secret_[0] | 1U);
}

} // namespace gatehouse::host
