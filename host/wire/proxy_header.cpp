#include "wire/proxy_header.hpp"

#include "wire/bytes.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/un.h>

namespace gatehouse::host {
namespace {

constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t v1_longest = 107; // with its CR LF (section 2.1)
constexpr std::string_view v2_signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t v2_fixed = 16;
constexpr std::size_t v2_unix_path = 108;
constexpr std::size_t longest_id = 128; // section 2.2.5
constexpr std::size_t longest_text = 255;

// Section 2.2 and 2.2.1 to 2.2.6.
enum Tlv : std::uint8_t { alpn = 0x01, authority = 0x02, checksum = 0x03, unique_id = 0x05, ssl = 0x20 };
enum TlsTlv : std::uint8_t { version = 0x21, subject = 0x22, cipher = 0x23, signature = 0x24, key = 0x25 };

ProxyParse bad(const char* problem) noexcept {
    ProxyParse parse;
    parse.what = ProxyParse::What::bad;
    parse.problem = problem;
    return parse;
}

ProxyParse more() noexcept { return {}; }

// --- version 1 -----------------------------------------------------------------------------------------------------------

// The next word, which a single blank or the end of the line follows.
std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

bool read_port(std::string_view word, std::uint16_t& port) noexcept {
    if (word.empty() || word.size() > 5 || (word.size() > 1 && word.front() == '0')) return false;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    return error == std::errc() && end == word.data() + word.size();
}

bool read_endpoint(bool v6, std::string_view host, std::string_view port_text, SocketAddress& address) noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.size() >= text.size() || host.find('\0') != std::string_view::npos) return false;
    std::copy(host.begin(), host.end(), text.begin());
    std::uint16_t port = 0;
    if (!read_port(port_text, port)) return false;
    if (v6) {
        sockaddr_in6 made{};
        made.sin6_family = AF_INET6;
        made.sin6_port = htons(port);
        if (::inet_pton(AF_INET6, text.data(), &made.sin6_addr) != 1) return false;
        std::memcpy(&address.storage, &made, address.size = sizeof made);
    } else {
        sockaddr_in made{};
        made.sin_family = AF_INET;
        made.sin_port = htons(port);
        if (::inet_pton(AF_INET, text.data(), &made.sin_addr) != 1) return false;
        std::memcpy(&address.storage, &made, address.size = sizeof made);
    }
    return true;
}

ProxyParse parse_v1(std::string_view text) noexcept {
    const std::string_view seen = text.substr(0, v1_longest);
    const std::size_t end = seen.find('\n');
    if (end == std::string_view::npos) return seen.size() < v1_longest ? more() : bad("no end of line within 107 bytes");
    if (seen[end - 1] != '\r') return bad("a line that does not end with CR LF");
    std::string_view line = seen.substr(v1_start.size(), end - 1 - v1_start.size());
    ProxyParse parse;
    parse.what = ProxyParse::What::whole;
    parse.header.size = end + 1;
    const std::string_view family = take_word(line);
    if (family == "UNKNOWN") { // what follows is to be ignored
        parse.header.local = true;
        return parse;
    }
    if (family != "TCP4" && family != "TCP6") return bad("a protocol that is not TCP4, TCP6 or UNKNOWN");
    const bool v6 = family == "TCP6";
    const std::string_view source = take_word(line);
    const std::string_view destination = take_word(line);
    const std::string_view source_port = take_word(line);
    const std::string_view destination_port = line; // a blank in it or behind it is none of a number's
    if (!read_endpoint(v6, source, source_port, parse.header.source)) return bad("a source address or port that is none");
    if (!read_endpoint(v6, destination, destination_port, parse.header.destination))
        return bad("a destination address or port that is none");
    return parse;
}

// --- version 2 -----------------------------------------------------------------------------------------------------------

void set_v4(SocketAddress& address, Bytes host, Bytes port) noexcept {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    std::memcpy(&made.sin_addr, host.data(), sizeof made.sin_addr);
    std::memcpy(&made.sin_port, port.data(), sizeof made.sin_port);
    std::memcpy(&address.storage, &made, address.size = sizeof made);
}

void set_v6(SocketAddress& address, Bytes host, Bytes port) noexcept {
    sockaddr_in6 made{};
    made.sin6_family = AF_INET6;
    std::memcpy(&made.sin6_addr, host.data(), sizeof made.sin6_addr);
    std::memcpy(&made.sin6_port, port.data(), sizeof made.sin6_port);
    std::memcpy(&address.storage, &made, address.size = sizeof made);
}

// A path that ends with its first NUL, or an abstract name that begins with one and ends with its last other byte.
void set_unix(SocketAddress& address, Bytes path) noexcept {
    sockaddr_un made{};
    made.sun_family = AF_UNIX;
    static_assert(sizeof made.sun_path == v2_unix_path);
    std::memcpy(made.sun_path, path.data(), v2_unix_path);
    const std::string_view text(made.sun_path, v2_unix_path);
    const bool abstract = text.front() == '\0';
    const std::size_t end = abstract ? text.find_last_not_of('\0') + 1 : std::min(text.find('\0'), text.size());
    const std::size_t size = offsetof(sockaddr_un, sun_path) + end + (abstract || end == text.size() ? 0 : 1);
    std::memcpy(&address.storage, &made, sizeof made);
    address.size = static_cast<socklen_t>(end == 0 ? sizeof(sa_family_t) : size);
}

// Calls take(type, value) for each TLV; false: one overruns the end, or take() says no.
template <class Take>
bool for_each_tlv(Bytes tlvs, Take take) noexcept {
    while (!tlvs.empty()) {
        if (tlvs.size() < 3) return false;
        const std::size_t size = two_at(tlvs, 1);
        if (tlvs.size() - 3 < size) return false;
        if (!take(static_cast<std::uint8_t>(byte_at(tlvs, 0)), tlvs.subspan(3, size))) return false;
        tlvs = tlvs.subspan(3 + size);
    }
    return true;
}

bool read_tls(Bytes value, ProxyTls& tls) noexcept {
    if (value.size() < 5) return false;
    const unsigned client = byte_at(value, 0);
    tls.encrypted = (client & 1U) != 0;
    tls.certificate = (client & 6U) != 0;
    tls.verified = tls.certificate && four_at(value, 1) == 0;
    return for_each_tlv(value.subspan(5), [&](std::uint8_t type, Bytes text) {
        std::string_view* const field = type == version     ? &tls.version
                                        : type == subject   ? &tls.subject
                                        : type == cipher    ? &tls.cipher
                                        : type == signature ? &tls.signature
                                        : type == key       ? &tls.key
                                                            : nullptr;
        if (field == nullptr) return true;
        *field = text_of(text);
        return text.size() <= longest_text;
    });
}

// The checksum is over the whole header, with its own four bytes taken as zero (section 2.2.3).
bool is_intact(Bytes header, Bytes stored) noexcept {
    constexpr std::array<std::byte, 4> zeros{};
    const auto before = static_cast<std::size_t>(stored.data() - header.data());
    std::uint32_t crc = crc32c(header.first(before));
    crc = crc32c(zeros, crc);
    return crc32c(header.subspan(before + zeros.size()), crc) == four_at(stored, 0);
}

ProxyParse parse_v2(Bytes bytes) noexcept {
    if (bytes.size() > 12 && byte_at(bytes, 12) >> 4U != 2) return bad("a version that is not 2");
    if (bytes.size() > 12 && (byte_at(bytes, 12) & 15U) > 1) return bad("a command that is not LOCAL or PROXY");
    const bool own = bytes.size() > 12 && (byte_at(bytes, 12) & 15U) == 0; // LOCAL: its family is to be ignored (section 2.2)
    if (!own && bytes.size() > 13 && (byte_at(bytes, 13) >> 4U > 3 || (byte_at(bytes, 13) & 15U) > 2))
        return bad("an address family or transport that is not defined");
    if (bytes.size() < v2_fixed) return more();
    const std::size_t size = v2_fixed + two_at(bytes, 14);
    if (size > max_proxy_header) return bad("a header of more than 4096 bytes");
    const unsigned family = own ? 0 : byte_at(bytes, 13) >> 4U;
    constexpr std::array<std::size_t, 4> address_sizes{0, 12, 36, 2 * v2_unix_path};
    const std::size_t address_size = address_sizes[family];
    const bool local = family == 0;
    if (!local && size < v2_fixed + address_size) return bad("a length that is too short for its addresses");
    if (bytes.size() < size) return more();

    ProxyParse parse;
    parse.what = ProxyParse::What::whole;
    ProxyHeader& header = parse.header;
    header.size = size;
    header.local = local;
    if (local) return parse; // the rest is to be discarded
    const Bytes addresses = bytes.subspan(v2_fixed, address_size);
    if (family == 1) {
        set_v4(header.source, addresses.first(4), addresses.subspan(8, 2));
        set_v4(header.destination, addresses.subspan(4, 4), addresses.subspan(10, 2));
    } else if (family == 2) {
        set_v6(header.source, addresses.first(16), addresses.subspan(32, 2));
        set_v6(header.destination, addresses.subspan(16, 16), addresses.subspan(34, 2));
    } else {
        set_unix(header.source, addresses.first(v2_unix_path));
        set_unix(header.destination, addresses.subspan(v2_unix_path));
    }

    const char* problem = nullptr;
    const auto take = [&](std::uint8_t type, Bytes value) {
        switch (type) {
        case alpn:
            header.alpn = text_of(value);
            if (value.size() > longest_text) problem = "an ALPN of more than 255 bytes";
            break;
        case authority:
            header.authority = text_of(value);
            if (value.size() > longest_text) problem = "an authority of more than 255 bytes";
            break;
        case unique_id:
            header.unique_id = text_of(value);
            if (value.size() > longest_id) problem = "a unique id of more than 128 bytes";
            break;
        case checksum:
            if (value.size() != 4 || !is_intact(bytes.first(size), value)) problem = "a checksum that is wrong";
            break;
        case ssl:
            if (!read_tls(value, header.tls.emplace())) problem = "a TLS field that is cut short";
            break;
        default: // unknown ones are to be ignored, as are NOOP and NETNS
            break;
        }
        return problem == nullptr;
    };
    if (!for_each_tlv(bytes.subspan(v2_fixed + address_size, size - v2_fixed - address_size), take))
        return bad(problem != nullptr ? problem : "a field that is cut short");
    return parse;
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
        table[i] = crc;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> crc_table = make_crc_table();

} // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t crc) noexcept {
    crc = ~crc;
    for (const std::byte byte : bytes) crc = crc >> 8U ^ crc_table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xffU];
    return ~crc;
}

ProxyParse parse_proxy_header(Bytes bytes) noexcept {
    const std::string_view text = text_of(bytes);
    const auto begins = [&](std::string_view start) { return start.substr(0, text.size()) == text.substr(0, start.size()); };
    if (begins(v1_start)) return text.size() < v1_start.size() ? more() : parse_v1(text);
    if (begins(v2_signature)) return text.size() < v2_signature.size() ? more() : parse_v2(bytes);
    return bad("something else than a PROXY header");
}

} // namespace gatehouse::host
