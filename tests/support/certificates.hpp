// Certificates for tests, of an authority of the test's own, made by the program itself.
#pragma once

#include "temp_dir.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::support {

class Certificates {
  public:
    // A certificate for these names in NAME.pem, with its key in NAME.key.
    void make(const std::string& name, const std::vector<std::string>& names) const;

    std::string operator/(std::string_view file) const { return dir_ / file; }
    std::string ca() const { return dir_ / "ca.pem"; }
    const TempDir& dir() const noexcept { return dir_; }

    // A [tls.NAME] section with the certificate `name`. `more` is further lines of it.
    std::string section(std::string_view name, std::string_view more = "") const;

  private:
    TempDir dir_;
};

} // namespace gatehouse::support
