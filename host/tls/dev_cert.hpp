// `gatehouse dev-cert`: makes a certificate authority and a certificate signed by it, to try TLS out.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace gatehouse::host {

// Writes ca.pem, ca.key, cert.pem and key.pem into `folder`, which it creates if necessary, and explains them on `out`. It
// keeps an authority that is there already, so that clients which trust it need no change. Only the owner may read the keys.
// `names` are DNS names and IP addresses; none: "localhost" and its addresses. Throws std::runtime_error. [main]
void make_dev_certificate(const std::filesystem::path& folder, std::vector<std::string> names, std::ostream& out);

} // namespace gatehouse::host
