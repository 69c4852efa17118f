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

#include <array>
#include <cstddef>
#include <cstdint>
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

// Whether a route for `pattern` is for this name. `pattern` is in the normal form, or "*." and a name in the normal form.
bool fits_route_name(std::string_view pattern, const ServerName& name) noexcept;

} // namespace gatehouse::host
