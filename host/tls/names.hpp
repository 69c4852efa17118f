// Which certificate a client gets that asks for a name (SNI, RFC 6066 3): the one with exactly this name, else one with a
// wildcard for its first label (RFC 6125 6.4.3), else the first.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace gatehouse::host {

class TlsNames {
  public:
    // False: the name was added before, and keeps what it stands for. `name` is in lower case; "*.a.example" is a wildcard.
    bool add(const std::string& name, std::size_t index) { return names_.emplace(name, index).second; }

    // What was added with `name`.
    std::size_t at(const std::string& name) const { return names_.at(name); }

    // 0 if nothing fits. Case does not matter.
    std::size_t find(std::string_view asked) const;

  private:
    std::map<std::string, std::size_t, std::less<>> names_;
};

} // namespace gatehouse::host
