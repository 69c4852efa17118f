// Plugin libraries: finding them, finding out whether they can be loaded, loading them.
//
// A library is copied to a private folder first, so that overwriting the file cannot crash a running host. The copy is then
// loaded in a probe process, which may crash in a constructor without harm, and only if that went well in this one. It is never
// unloaded: thread-exit destructors and GNU-unique symbols would make that a crash sooner or later.
#pragma once

#include <filesystem>
#include <gatehouse/gatehouse.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::host {

// One or more lines for people: which plugin, which file, what is wrong with it, what to do.
class PluginError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// What a library says of itself.
struct PluginFacts {
    std::string name;
    std::string version;
    std::string needs; // the ABI, "MAJOR.MINOR"
};

// The private folder of this process, removed with it. [main]
class RuntimeFolder {
  public:
    RuntimeFolder(); // throws std::filesystem::filesystem_error
    ~RuntimeFolder();
    void remove() noexcept;
    RuntimeFolder(const RuntimeFolder&) = delete;
    RuntimeFolder& operator=(const RuntimeFolder&) = delete;

    // Gives the folders to this account, so that it can remove them, but not the files, which are mapped. Throws
    // std::filesystem::filesystem_error.
    void hand_over(unsigned user, unsigned group);

    // A copy of the file under the same name; throws PluginError.
    std::filesystem::path copy(const std::filesystem::path& file);

  private:
    std::filesystem::path folder_;
    unsigned copies_ = 0;
};

class PluginLibrary {
  public:
    // Copies, probes and loads `file`; throws PluginError. [main]
    PluginLibrary(const std::filesystem::path& file, RuntimeFolder& folder);

    const gatehouse_plugin& hooks() const noexcept { return hooks_; } // entries that the library is too old for are null
    const PluginFacts& facts() const noexcept { return facts_; }
    const std::filesystem::path& file() const noexcept { return file_; }

  private:
    std::filesystem::path file_; // constant after construction
    gatehouse_plugin hooks_{};
    PluginFacts facts_;
};

// The file of `library`: itself if it has a slash, else LIBRARY.so in the first folder that has it; throws PluginError.
std::filesystem::path find_plugin(const std::string& library, const std::vector<std::filesystem::path>& folders);

// Every *.so in the folders, in order of their names.
std::vector<std::filesystem::path> list_plugins(const std::vector<std::filesystem::path>& folders);

// Loads `file` in a process of its own and returns what it says of itself; throws PluginError.
PluginFacts probe_plugin(const std::filesystem::path& file);

// What that process does: loads `file`, prints the facts, a line each, or what is wrong with it; returns the exit status.
int run_plugin_probe(const std::filesystem::path& file);

} // namespace gatehouse::host
