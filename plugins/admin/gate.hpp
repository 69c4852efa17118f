// Who may ask, and by which name. An administrator's port that a browser can reach is everybody's: a page of a stranger may
// have the browser ask 127.0.0.1, by a name of the stranger's that leads there (DNS rebinding) or as another origin.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

// Whether a peer is this machine: a loopback address, in IPv6 too, or a unix socket. `peer`: a sockaddr.
bool is_local(std::span<const std::byte> peer) noexcept;

// Whether a Host field, or the authority of an origin, is an IP address, "localhost", or one of these names. No name of a
// stranger's is.
bool is_own_host(std::string_view authority, std::span<const std::string> names) noexcept;

// Whether an Origin field is that of the page that the Host field names.
bool is_same_origin(std::string_view origin, std::string_view host) noexcept;

// Whether an Authorization field has this token. The time it takes tells nothing of the token but its length.
bool has_token(std::string_view authorization, std::string_view token) noexcept;

} // namespace admin
