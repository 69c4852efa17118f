// Texts of a configuration that do not stand in it: values of environment variables, and files that hold a secret.
//
// A problem has what the file says instead of such a text, "${PORT}", and a plan does not show those of a plugin's `config`.
// What the host's own keys say is no secret: a plan shows their values, wherever these come from.
//
// Two configurations are equal by what is said, not by where it stands: "${PORT}" with PORT=80 equals both 80 and "80", which
// do not equal each other. See ConfigTable::equals().
#pragma once

#include "base/mutex.hpp"
#include "config/problems.hpp"
#include "config/variables.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace toml {
inline namespace v3 {
class node;
struct source_region;
} // namespace v3
} // namespace toml

namespace gatehouse::host {

struct OutsideText {
    std::string text;
    std::string shown;   // instead of it
    bool good = true;    // false: it could not be had
    std::string problem; // of a file: why not; empty if that has been recorded
};

class OutsideTexts {
  public:
    // As expand_variables(). All texts from elsewhere may have max_config_size together: beyond that it is a problem.
    Expanded expand(std::string_view text);

    // Puts the values of variables into all strings of a value, whose path is `key`. What cannot be had is recorded. Before the
    // document is shared.
    void put_variables_in(toml::node& value, std::string_view key, ConfigProblems& problems);

    // The text of the file that { file = "PATH" } names, without one end of line at its end. Read once, and kept for as long as
    // the document is. The node has to be of this form. [any]
    const OutsideText& of_file(const toml::node& node, const std::filesystem::path& folder);
    // The same for a reader who takes it for a text. A table may have the key `file` for another reason.
    const OutsideText& read_file(const toml::node& node, const std::filesystem::path& folder);
    bool is_read(const toml::node& node) const; // whether somebody has. [any]

    // What is known of a value; null: it stands in the file as it is, or is a table of which nobody has asked for the text.
    // [any]
    const OutsideText* find(const toml::node& node) const;
    const OutsideText* find(Position position) const; // slowly

  private:
    OutsideText read(const toml::node& node, const std::filesystem::path& folder) GATEHOUSE_REQUIRES(mutex_);

    std::unordered_map<const toml::node*, OutsideText> by_variables_; // constant once the document is shared
    mutable Mutex mutex_;
    std::size_t bytes_ GATEHOUSE_GUARDED_BY(mutex_) = 0; // of all texts that were made or read
    std::unordered_map<const toml::node*, OutsideText> by_files_ GATEHOUSE_GUARDED_BY(mutex_); // none is changed or goes
    std::unordered_set<const toml::node*> read_ GATEHOUSE_GUARDED_BY(mutex_);
};

// Where something stands. The path that toml++ keeps with it is the number of its file; see parse_toml().
Position position_of(const toml::source_region& region) noexcept;
Position position_of(const toml::node& value) noexcept;

// Whether it is a table { file = "PATH" }, with this key alone.
bool names_text_file(const toml::node& node) noexcept;

// A message about such a text that does not give it away: `what` with the text itself replaced by what is shown, and without
// the parts that still have some of it.
std::string without_text(std::string_view what, const OutsideText& of);

} // namespace gatehouse::host
