// Names of servers: how they are compared, and the two meanings of a wildcard. [any]
//
// A client sends a name in its ClientHello (SNI), a PROXY header carries one, a certificate has some, an SRV record has one,
// and routes, upstreams and listeners are configured with them. All of them are compared in one normal form, ServerName. Names
// with other letters than ASCII's are compared as they come, "xn--..." (RFC 5890): the host translates none.
//
// "*.example.org" is a wildcard:
//
//                        of a route                     of a certificate
//                        fits_route_name()              TlsNames, and OpenSSL for the certificate of an upstream
//   stands for           one or more labels             exactly one label (RFC 6125 6.4.3)
//   www.example.org      fits                           fits
//   a.b.example.org      fits                           does not fit
//   example.org          does not fit                   does not fit
//
// A route sends a whole domain somewhere; a certificate must not vouch for more than its owner asked for.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::host {

// A name, or an IP address as text, in its normal form: ASCII letters in lower case, no dot at the end ("example.org." is the
// same name, and certificates and SNI have it without), and of an IPv6 address no zone ("fe80::1%eth0": the zone means
// something on one machine only). Nothing else is checked. Allocates nothing.
class ServerName {
  public:
    static constexpr std::size_t longest = 253; // RFC 1035 2.3.4, without the dot at the end

    // A longer one becomes empty, which fits nothing.
    explicit ServerName(std::string_view text) noexcept;

    std::string_view text() const noexcept { return {text_.data(), size_}; } // valid as long as the object is
    bool empty() const noexcept { return size_ == 0; }

    // The name without its first label, "example.org" of "www.example.org": where a certificate's wildcard would have to be.
    // Empty: there is none.
    std::string_view parent() const noexcept;

  private:
    std::array<char, longest> text_; // its first size_ bytes are set
    std::uint8_t size_ = 0;
};

// "www.example.org", or "*.example.org" for all below it, in the normal form; nothing and why: it is no such name.
std::optional<std::string> parse_route_name(std::string_view text, std::string& error);

// Calls visit(pattern) with each wildcard that a route for this name may have, "*.www.example.org" before "*.example.org",
// until it returns true.
template <class Visit>
void for_each_route_wildcard(const ServerName& name, Visit visit) {
    const std::string_view text = name.text();
    std::array<char, ServerName::longest> wildcard; // not initialised: its first text.size() bytes are set
    std::copy(text.begin(), text.end(), wildcard.begin());
    for (std::size_t dot = text.find('.', 1); dot != text.npos; dot = text.find('.', dot + 1)) {
        wildcard[dot - 1] = '*';
        if (visit(std::string_view(wildcard.data() + dot - 1, text.size() - dot + 1))) return;
    }
}

// Whether a route for `pattern` is for this name. `pattern` is in the normal form, or "*." and a name in the normal form.
bool fits_route_name(std::string_view pattern, const ServerName& name) noexcept;

} // namespace gatehouse::host
