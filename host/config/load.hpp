// Reading a configuration file.
//
// Everything is checked that can be checked without opening a socket or loading a plugin. All problems of the file, and of
// those that it includes (config/include.hpp), are reported, not only the first, each as "FILE:LINE:COLUMN: KEY: what is wrong
// (what was expected; did you mean ...?)".
#pragma once

#include "config/config.hpp"
#include "config/key.hpp"
#include "config/problems.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// All problems of the files; what() has them one per line.
class ConfigError : public std::runtime_error {
  public:
    explicit ConfigError(std::vector<ConfigProblem> problems);
    const std::vector<ConfigProblem>& problems() const noexcept { return problems_; }

  private:
    std::vector<ConfigProblem> problems_;
};

// Throws ConfigError. Relative paths in the result are relative to the current directory again. Variables have the values that
// the environment has now, and { file = ... } the text that is there now (config/outside_texts.hpp). A plugin that a listener
// names but that has no [plugins.NAME] section gets one implicitly, with library = its name; unless there is a section with
// nearly that name, when it is taken for a typing error and refused. [main]
Config load_config(const std::filesystem::path& file);

// The same for text that is in memory; `file` appears in messages and anchors relative paths. Such a text cannot include files,
// so whoever makes it up chooses none that is read as a configuration: `include` is a problem. It can name files all the same,
// such as allow_file. [main]
Config parse_config(std::string_view text, const std::filesystem::path& file);

// Every key that a file may have, in the order of reading; "NAME" stands for the names of sections. They come from what the
// readers ask for, so there is no second list to keep. [main]
std::vector<ConfigKey> config_keys();

} // namespace gatehouse::host
