#include "users.hpp"

#include <crypt.h>

#include <cstddef>
#include <memory>
#include <utility>

namespace passwords {
namespace {

constexpr std::size_t longest = 255; // bytes: RFC 1929 has one byte for a length

bool has_hash(std::string_view given, const std::string& hash) {
    if (given.find('\0') != given.npos) return false; // crypt() would stop there
    const auto data = std::make_unique<crypt_data>(); // 32 KiB: too much for the stack
    const char* computed = ::crypt_r(std::string(given).c_str(), hash.c_str(), data.get());
    return computed != nullptr && equal(computed, hash);
}

} // namespace

bool equal(std::string_view given, std::string_view secret) noexcept {
    volatile std::size_t difference = given.size() ^ secret.size();
    for (std::size_t i = 0; i < given.size(); ++i)
        difference = difference | static_cast<unsigned char>(given[i] ^ (secret.empty() ? '\0' : secret[i % secret.size()]));
    return difference == 0;
}

std::string Users::add(std::string_view name, Secret secret) {
    if (name.empty() || name.size() > longest) return "a user's name has 1 to 255 bytes";
    if (!users_.emplace(name, std::move(secret)).second) return "the user \"" + std::string(name) + "\" appears twice";
    return "";
}

std::string Users::add_password(std::string_view name, std::string_view password) {
    if (password.empty() || password.size() > longest) return "a password has 1 to 255 bytes";
    return add(name, {false, std::string(password)});
}

std::string Users::add_hash(std::string_view name, std::string_view hash) {
    std::string text(hash);
    // Without '$' it would be a DES hash. Any two letters are a DES "salt", so a password in plain text would pass for one.
    const int salt = text.starts_with('$') ? ::crypt_checksalt(text.c_str()) : CRYPT_SALT_INVALID;
    if (salt == CRYPT_SALT_INVALID || salt == CRYPT_SALT_METHOD_DISABLED)
        return "the hash of \"" + std::string(name) +
               "\" is not one that crypt(3) knows (expected one such as \"$y$...\" or \"$2b$...\")";
    return add(name, {true, std::move(text)});
}

std::string Users::add_lines(std::string_view text) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
        if (line.empty() || line.starts_with('#')) continue;
        const std::size_t colon = line.find(':');
        const std::string_view after = colon == line.npos ? "" : line.substr(colon + 1);
        const std::string problem =
            colon == line.npos ? "expected \"name:hash\"" : add_hash(line.substr(0, colon), after.substr(0, after.find(':')));
        if (!problem.empty()) return "line " + std::to_string(number) + ": " + problem;
    }
    return "";
}

const Users::Secret& Users::secret_for(std::string_view name) const noexcept {
    const auto found = users_.find(name);
    return found != users_.end() ? found->second : users_.begin()->second;
}

bool Users::verify(std::string_view name, std::string_view password) const {
    if (users_.empty()) return false;
    const Secret& secret = secret_for(name);
    const bool right = secret.hashed ? has_hash(password, secret.text) : equal(password, secret.text);
    return right && users_.contains(name);
}

} // namespace passwords
