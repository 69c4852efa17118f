// Texts of a configuration that do not stand in it: values of environment variables, and files that hold a secret.
//
// Nothing that comes from outside is shown: a message has what the file says instead, such as "${PORT}".
#pragma once

#include "config/problems.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace toml {
inline namespace v3 {
class node;
struct source_region;
} // namespace v3
} // namespace toml

namespace gatehouse::host {

struct OutsideText {
    std::string text;
    std::string shown; // instead of it
    bool good = true;  // false: it could not be had, which has been recorded as a problem
};

class OutsideTexts {
  public:
    // Puts the values of variables into all strings of a value, whose path is `key`. What cannot be had is recorded.
    void put_variables_in(toml::node& value, std::string_view key, ConfigProblems& problems);

    // The text of the file that { file = "PATH" } names, without one end of line at its end. Read once. `error`: why it cannot
    // be had. The node has to be of this form.
    [[nodiscard]] const OutsideText& of_file(const toml::node& node, const std::filesystem::path& folder, std::string& error);

    // What is known of a value; null: it stands in the file as it is, or is a table of which nobody has asked for the text.
    const OutsideText* find(const toml::node& node) const noexcept;
    const OutsideText* find(Position position) const noexcept; // slowly

  private:
    std::unordered_map<const toml::node*, OutsideText> texts_;
};

// Whether it is a table { file = "PATH" }, with this key alone.
bool names_text_file(const toml::node& node) noexcept;

// Where something stands. The path that toml++ keeps with it is the number of its file; see parse_toml().
Position position_of(const toml::source_region& region) noexcept;
Position position_of(const toml::node& value) noexcept;

// A message about such a text that does not give it away: `what` with the text itself replaced by what is shown, and without
// the parts that still have some of it.
std::string without_text(std::string_view what, const OutsideText& of);

} // namespace gatehouse::host
