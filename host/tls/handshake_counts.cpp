#include "tls/handshake_counts.hpp"

#include <utility>

namespace gatehouse::host {

HandshakeCounts::Failure HandshakeCounts::failure_of(std::string_view words) noexcept {
    constexpr std::array<std::pair<std::string_view, Failure>, 18> meanings{{
        {"http request", Failure::not_tls},
        {"https proxy request", Failure::not_tls},
        {"wrong version number", Failure::not_tls},
        {"packet length too long", Failure::not_tls},
        {"bad record type", Failure::not_tls},
        {"unsupported protocol", Failure::no_shared},
        {"no shared cipher", Failure::no_shared},
        {"no shared group", Failure::no_shared},
        {"no suitable", Failure::no_shared},
        {"no protocols available", Failure::no_shared},
        {"version too low", Failure::no_shared},
        {"alert protocol version", Failure::no_shared},
        {"alert handshake failure", Failure::no_shared},
        {"did not return a certificate", Failure::no_certificate},
        {"certificate verify failed", Failure::bad_certificate},
        {"unknown ca", Failure::bad_certificate},
        {"alert bad certificate", Failure::bad_certificate},
        {"alert certificate", Failure::bad_certificate},
    }};
    for (const auto& [part, meaning] : meanings)
        if (words.find(part) != std::string_view::npos) return meaning;
    return Failure::other;
}

} // namespace gatehouse::host
