// Who may see a part of a site: HTTP Basic authentication, RFC 9110 §11 and RFC 7617.
#pragma once

#include "../passwords/users.hpp"
#include "path_pattern.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http {

struct Credentials {
    std::string name;
    std::string password;
};

// The value of an Authorization field. Nothing: it is not of the scheme Basic, or malformed.
std::optional<Credentials> parse_basic(std::string_view authorization);

class Login {
  public:
    // `realm` has no quotes, backslashes and control characters. Without `paths` it guards all of the site.
    Login(passwords::Users users, const std::string& realm, std::vector<PathPattern> paths);

    bool guards(std::string_view path) const noexcept; // which begins with a slash

    // Whether verify() computes a hash. A browser sends a password with each request: that it was right is remembered. [any]
    bool computes(const Credentials& credentials) const;
    bool verify(const Credentials& credentials) const; // [any]

    const std::string& challenge() const noexcept { return challenge_; } // the value of a WWW-Authenticate field

  private:
    bool was_right(const Credentials& credentials) const;

    // Constant after construction.
    const passwords::Users users_;
    const std::vector<PathPattern> paths_;
    const std::string challenge_;

    mutable std::mutex mutex_;
    mutable std::map<std::string, std::string, std::less<>> right_; // passwords by user; guarded by mutex_
};

} // namespace http
