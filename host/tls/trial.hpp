// Tries what clients and renewals will need later.
#pragma once

#include "tls/context.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::host {

// A handshake within this process, by a client with OpenSSL's defaults that asks for `name` (or for none: ""). Empty if it gets
// through, and else the reason. It does not ask whether clients trust the certificate. [main]
std::string try_handshake(const std::shared_ptr<const TlsContext>& server, const std::string& name);

// "FILE:LINE:COLUMN: KEY: PATH: why" for each file of the section that this process could not read anew. None is read. [main]
std::vector<std::string> unreadable_tls_files(const TlsConfig& config);

} // namespace gatehouse::host
