// Media types by file name: RFC 9110 §8.3.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace http {

// Constant after construction.
class ContentTypes {
  public:
    static constexpr std::size_t longest_extension = 32; // bytes

    struct Rule {
        std::string type;
        std::vector<std::string> extensions; // without the dot, up to longest_extension bytes
    };

    // `rules` come before the built-in table. `charset` is added to each text type that names none; empty: to none, since HTML
    // and XML say themselves in which charset they are, and the field would overrule them (RFC 7303 §3).
    ContentTypes(std::span<const Rule> rules, std::string other, std::string_view charset);

    // By the extension, in any case; `other` for unknown ones.
    std::string_view of(std::string_view file_name) const noexcept;

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };

    void add(std::string_view extension, std::string_view type, std::string_view charset);

    std::unordered_map<std::string, std::string, Hash, std::equal_to<>> types_; // by extension in lower case
    std::string other_;
};

} // namespace http
