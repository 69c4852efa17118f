// `gatehouse dev-cert`: a certificate authority of one's own and a certificate from it, for trying TLS out.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace gatehouse::host {

// Writes ca.pem, ca.key, cert.pem and key.pem into `folder`, which is made if it is missing; says on `out` what there is now
// and what to do with it. An authority that is there already is used again, so that whoever trusts it goes on doing so. The
// keys are for their owner alone. Throws std::runtime_error.
void make_dev_certificate(const std::filesystem::path& folder, std::vector<std::string> names, std::ostream& out);

} // namespace gatehouse::host
