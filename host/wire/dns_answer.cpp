#include "wire/dns_answer.hpp"

#include "base/ascii.hpp"
#include "net/server_name.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <netinet/in.h>
#include <optional>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_name = 255; // bytes of a name with its lengths, RFC 1035 section 2.3.4
constexpr int most_pointers = 64;      // in a name
constexpr std::uint16_t internet = 1;

bool is_host_character(unsigned char byte) {
    const char c = static_cast<char>(byte);
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

// A place in the message. What does not fit into it fails, and then everything after it does.
class Cursor {
  public:
    explicit Cursor(std::span<const unsigned char> bytes) : bytes_(bytes) {}

    bool ok() const noexcept { return ok_; }
    std::size_t position() const noexcept { return at_; }

    void skip(std::size_t size) noexcept {
        ok_ = ok_ && size <= bytes_.size() - at_;
        if (ok_) at_ += size;
    }
    std::uint16_t number16() noexcept {
        const std::size_t from = at_;
        skip(2);
        return ok_ ? static_cast<std::uint16_t>(bytes_[from] << 8 | bytes_[from + 1]) : std::uint16_t{0};
    }
    std::uint32_t number32() noexcept {
        const std::uint32_t high = number16();
        return high << 16 | number16();
    }
    std::span<const unsigned char> take(std::size_t size) noexcept {
        const std::size_t from = at_;
        skip(size);
        return ok_ ? bytes_.subspan(from, size) : std::span<const unsigned char>();
    }

    // A name, compressed or not. Nothing: it is well-formed, but has bytes that no host name has.
    std::optional<std::string> name();

  private:
    std::span<const unsigned char> bytes_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

// Each pointer has to lead to before the part that it ends (RFC 1035, section 4.1.4: "a prior occurrence"), so there is no
// loop.
std::optional<std::string> Cursor::name() {
    std::string text;
    bool good = true;
    int pointers = 0;
    std::size_t total = 1;
    std::size_t at = at_;
    std::size_t part = at_;
    std::optional<std::size_t> end; // of the name where it stands
    while (ok_) {
        ok_ = at < bytes_.size();
        if (!ok_) break;
        const std::size_t length = bytes_[at];
        if (length == 0) {
            at_ = end.value_or(at + 1);
            return good ? std::optional(std::move(text)) : std::nullopt;
        }
        if (length >= 0xc0) {
            ok_ = at + 1 < bytes_.size();
            const std::size_t target = ok_ ? (length & 0x3f) << 8 | bytes_[at + 1] : 0;
            ok_ = ok_ && target < part && ++pointers <= most_pointers;
            if (!end) end = at + 2;
            at = part = target;
            continue;
        }
        total += length + 1;
        ok_ = length < 0x40 && total <= most_name && length < bytes_.size() - at;
        if (!ok_) break;
        const std::span<const unsigned char> label = bytes_.subspan(at + 1, length);
        good = good && std::all_of(label.begin(), label.end(), is_host_character);
        if (!text.empty()) text += '.';
        text.append(label.begin(), label.end());
        at += length + 1;
    }
    return std::nullopt;
}

template <class Sockaddr, class Bytes>
SocketAddress address_of(int family, Bytes Sockaddr::* member, sa_family_t Sockaddr::* kind,
                         std::span<const unsigned char> bytes) {
    SocketAddress address;
    auto& filled = reinterpret_cast<Sockaddr&>(address.storage);
    filled.*kind = static_cast<sa_family_t>(family);
    std::memcpy(&(filled.*member), bytes.data(), sizeof(Bytes));
    address.size = sizeof(Sockaddr);
    return address;
}

// One record's data, of the type that was asked for.
bool read_data(Cursor& in, DnsType type, std::size_t size, DnsAnswer& answer) {
    const std::size_t end = in.position() + size;
    if (type == DnsType::srv) {
        DnsService service;
        service.priority = in.number16();
        service.weight = in.number16();
        service.port = in.number16();
        const std::optional<std::string> target = in.name();
        if (in.ok() && target) {
            service.target = ServerName(*target).text();
            answer.services.push_back(std::move(service));
        }
        return in.ok() && in.position() == end;
    }
    const std::span<const unsigned char> bytes = in.take(size);
    if (type == DnsType::a && bytes.size() == sizeof(in_addr))
        answer.addresses.push_back(address_of(AF_INET, &sockaddr_in::sin_addr, &sockaddr_in::sin_family, bytes));
    else if (type == DnsType::aaaa && bytes.size() == sizeof(in6_addr))
        answer.addresses.push_back(address_of(AF_INET6, &sockaddr_in6::sin6_addr, &sockaddr_in6::sin6_family, bytes));
    else
        return false;
    return true;
}

} // namespace

bool parse_dns_answer(std::span<const unsigned char> bytes, DnsType type, DnsAnswer& answer) {
    answer = {};
    Cursor in(bytes);
    in.skip(4); // the id and the flags: c-ares has checked them
    const unsigned questions = in.number16();
    const unsigned records = in.number16();
    in.skip(4); // how many records follow the answer, which are not read
    for (unsigned i = 0; i < questions && in.ok(); ++i) {
        answer.name = in.name().value_or("");
        in.skip(4);
    }
    std::uint32_t ttl = std::numeric_limits<std::uint32_t>::max();
    for (unsigned i = 0; i < records && in.ok(); ++i) {
        in.name();
        const unsigned record_type = in.number16();
        const unsigned record_class = in.number16();
        const std::uint32_t record_ttl = in.number32();
        const std::size_t size = in.number16();
        if (!in.ok()) return false;
        ttl = std::min(ttl, record_ttl > 0x7fffffff ? 0 : record_ttl); // RFC 2181, section 8
        if (record_type != static_cast<unsigned>(type) || record_class != internet)
            in.skip(size);
        else if (!read_data(in, type, size, answer))
            return false;
    }
    if (!in.ok()) return false;
    answer.ttl = records == 0 ? 0 : ttl;
    return true;
}

} // namespace gatehouse::host
