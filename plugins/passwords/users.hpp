// Who may log in: user names with passwords, in plain text or hashed by crypt(3).
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace passwords {

// Compares in a time that depends on `given` alone.
bool equal(std::string_view given, std::string_view secret) noexcept;

class Users {
  public:
    // Both return what is wrong, or an empty text. A hash is one of crypt(5) that begins with '$', such as "$y$...", "$6$..."
    // or
    // "$2b$...", from mkpasswd, htpasswd -B or /etc/shadow.
    std::string add_password(std::string_view name, std::string_view password);
    std::string add_hash(std::string_view name, std::string_view hash);

    // Adds the lines "name:hash" of a text, which end with "\n". Skips empty lines, lines that begin with '#', and the fields
    // after another ':' (as in /etc/shadow). Returns what is wrong, with the line's number, or an empty text.
    std::string add_lines(std::string_view text);

    bool empty() const noexcept { return users_.empty(); }

    // Whether there is a user with this name and password. As long as all secrets are of one kind and cost, the time it takes
    // tells neither how much of a password is right nor whether the user exists. A hash takes the CPU time that its kind and
    // cost are meant to take. [any]
    bool verify(std::string_view name, std::string_view password) const;
    // Whether verify() computes a hash for this name. [any]
    bool computes(std::string_view name) const noexcept { return !users_.empty() && secret_for(name).hashed; }

  private:
    struct Secret {
        bool hashed = false;
        std::string text;
    };

    std::string add(std::string_view name, Secret secret);
    // Another user's if there is none of that name, so that it takes as long. There is a user.
    const Secret& secret_for(std::string_view name) const noexcept;

    std::map<std::string, Secret, std::less<>> users_; // constant once the plugin serves
};

} // namespace passwords
