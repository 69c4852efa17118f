#include "net/network.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstring>
#include <endian.h>
#include <netinet/in.h>

namespace gatehouse::host {
namespace {

constexpr std::uint32_t no_network = 0xffffffff; // the value of a piece that is in no network
constexpr std::string_view network_form = R"((expected a network such as "192.0.2.0/24" or "2001:db8::/32", or an address))";

IpAddress from_v4(const void* bytes) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return {false, std::uint64_t{be32toh(value)} << 32U, 0};
}

IpAddress from_v6(const void* bytes) noexcept {
    std::array<std::uint64_t, 2> halves{};
    std::memcpy(halves.data(), bytes, sizeof halves);
    return {true, be64toh(halves[0]), be64toh(halves[1])};
}

bool is_mapped(const IpAddress& address) noexcept { return address.v6 && address.high == 0 && address.low >> 32U == 0xffff; }

IpAddress unmapped(const IpAddress& address) noexcept {
    return is_mapped(address) ? IpAddress{false, address.low << 32U, 0} : address;
}

// As it is written, a mapped one included.
std::optional<IpAddress> parse_as_written(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> name{};
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    if (text.size() >= name.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::copy(text.begin(), text.end(), name.begin());
    if (::inet_pton(AF_INET, name.data(), bytes.data()) == 1) return from_v4(bytes.data());
    if (::inet_pton(AF_INET6, name.data(), bytes.data()) == 1) return from_v6(bytes.data());
    return std::nullopt;
}

unsigned bits(const IpAddress& address) noexcept { return address.v6 ? 128 : 32; }

// The 64 bits of a mask of `length` bits that begin at bit `from`.
std::uint64_t mask(unsigned length, unsigned from) noexcept {
    if (length <= from) return 0;
    return length - from >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> (length - from));
}

// The first address behind the network; nothing if it ends where the address space does.
std::optional<IpAddress> behind(const Network& network) noexcept {
    IpAddress next = network.address;
    if (network.length == 0) return std::nullopt;
    if (network.length <= 64) {
        next.high += std::uint64_t{1} << (64U - network.length);
        return next.high == 0 ? std::nullopt : std::optional(next);
    }
    next.low += std::uint64_t{1} << (128U - network.length);
    if (next.low == 0) ++next.high;
    return next.low == 0 && next.high == 0 ? std::nullopt : std::optional(next);
}

} // namespace

std::optional<IpAddress> ip_address(const SocketAddress& address) noexcept {
    switch (address.storage.ss_family) {
    case AF_INET:
        return from_v4(&reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr);
    case AF_INET6:
        return unmapped(from_v6(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr));
    default:
        return std::nullopt;
    }
}

std::optional<IpAddress> parse_ip_address(std::string_view text) noexcept {
    const std::optional<IpAddress> address = parse_as_written(text);
    return address ? std::optional(unmapped(*address)) : std::nullopt;
}

std::string to_string(const IpAddress& address) {
    const std::array<std::uint64_t, 2> halves{htobe64(address.high), htobe64(address.low)}; // IPv4's bytes are the first four
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(address.v6 ? AF_INET6 : AF_INET, halves.data(), text.data(), text.size());
    return text.data();
}

IpAddress masked(const IpAddress& address, unsigned length) noexcept {
    return {address.v6, address.high & mask(length, 0), address.low & mask(length, 64)};
}

std::optional<Network> parse_network(std::string_view text, std::string& error) {
    const std::size_t slash = text.find('/');
    std::optional<IpAddress> address = parse_as_written(text.substr(0, slash));
    if (!address) {
        error = in_quotes(text) + " is not a network " + std::string(network_form);
        return std::nullopt;
    }
    unsigned length = bits(*address);
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const char* const end = digits.data() + digits.size();
        const auto [stop, code] = std::from_chars(digits.data(), end, length);
        if (code != std::errc() || stop != end || digits.size() > 3 || length > bits(*address)) {
            error = in_quotes(text) + " has no valid length behind the \"/\" (expected a number of bits from 0 to " +
                    std::to_string(bits(*address)) + ")";
            return std::nullopt;
        }
    }
    const bool mapped = is_mapped(*address) && length >= 96;
    Network network{masked(*address, length), static_cast<std::uint8_t>(length)};
    const bool clean = network.address == *address;
    if (mapped) network = {unmapped(network.address), static_cast<std::uint8_t>(length - 96)};
    if (!clean) {
        error = in_quotes(text) + " has bits set beyond its length (expected the network's first address: \"" +
                to_string(network) + "\")";
        return std::nullopt;
    }
    return network;
}

std::string to_string(const Network& network) {
    const std::string address = to_string(network.address);
    return network.length == bits(network.address) ? address : address + '/' + std::to_string(network.length);
}

// --- the table -----------------------------------------------------------------------------------------------------------

// `entries` are sorted: a network stands before those within it. So the networks around the current one form a stack.
template <class Key, class KeyOf>
void NetworkTable::cut(const std::vector<Entry>& entries, bool v6, KeyOf key_of, Pieces<Key>& pieces) {
    const auto begin_piece = [&](const IpAddress& start, std::uint32_t value) {
        if (!pieces.starts.empty() && pieces.starts.back() == key_of(start)) { // nothing is left of the one before
            pieces.starts.pop_back();
            pieces.values.pop_back();
        }
        if ((pieces.values.empty() ? no_network : pieces.values.back()) == value) return;
        pieces.starts.push_back(key_of(start));
        pieces.values.push_back(value);
    };
    std::vector<const Entry*> around;
    const auto leave = [&] {
        const std::optional<IpAddress> end = behind(around.back()->network);
        around.pop_back();
        if (end) begin_piece(*end, around.empty() ? no_network : around.back()->value);
    };
    for (const Entry& entry : entries) {
        if (entry.network.address.v6 != v6) continue;
        while (!around.empty() && !around.back()->network.contains(entry.network)) leave();
        around.push_back(&entry);
        begin_piece(entry.network.address, entry.value);
    }
    while (!around.empty()) leave();
}

NetworkTable::NetworkTable(std::vector<Entry> entries) {
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.network < b.network; });
    const auto same = [](const Entry& a, const Entry& b) { return a.network == b.network; };
    entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
    cut(entries, false, [](const IpAddress& address) { return static_cast<std::uint32_t>(address.high >> 32U); }, v4_);
    cut(entries, true, [](const IpAddress& address) { return Wide{address.high, address.low}; }, v6_);
}

template <class Key>
std::optional<std::uint32_t> NetworkTable::Pieces<Key>::find(const Key& key) const noexcept {
    const auto piece = std::upper_bound(starts.begin(), starts.end(), key);
    if (piece == starts.begin()) return std::nullopt;
    const std::uint32_t value = values[static_cast<std::size_t>(piece - starts.begin()) - 1];
    return value == no_network ? std::nullopt : std::optional(value);
}

std::optional<std::uint32_t> NetworkTable::find(const IpAddress& address) const noexcept {
    return address.v6 ? v6_.find({address.high, address.low}) : v4_.find(static_cast<std::uint32_t>(address.high >> 32U));
}

std::vector<std::uint32_t> NetworkTable::values() const {
    std::vector<std::uint32_t> all = v4_.values;
    all.insert(all.end(), v6_.values.begin(), v6_.values.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    if (!all.empty() && all.back() == no_network) all.pop_back();
    return all;
}

} // namespace gatehouse::host
