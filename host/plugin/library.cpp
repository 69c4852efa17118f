#include "plugin/library.hpp"

#include "base/if_memory_allows.hpp"
#include "plugin/probe_process.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

} // namespace

RuntimeFolder::RuntimeFolder() {
    std::string name = (fs::temp_directory_path() / ("gatehouse-" + std::to_string(::getpid()) + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr)
        throw fs::filesystem_error("cannot make a private folder", name, std::error_code(errno, std::generic_category()));
    folder_ = name;
}

RuntimeFolder::~RuntimeFolder() { remove(); }

void RuntimeFolder::remove() noexcept {
    if_memory_allows([&] {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    });
}

void RuntimeFolder::hand_over(unsigned user, unsigned group) {
    for (unsigned copy = 0; copy <= copies_; ++copy) { // the folder itself, and one for each copy
        const fs::path folder = copy == 0 ? folder_ : folder_ / std::to_string(copy);
        if (::lchown(folder.c_str(), user, group) != 0)
            throw fs::filesystem_error("cannot give away a private folder", folder,
                                       std::error_code(errno, std::generic_category()));
    }
}

fs::path RuntimeFolder::copy(const fs::path& file) {
    const fs::path folder = folder_ / std::to_string(++copies_);
    std::error_code error;
    fs::create_directory(folder, error);
    const fs::path target = folder / file.filename();
    if (!error) fs::copy_file(file, target, error);
    if (error) throw PluginError("cannot copy " + file.string() + " to " + folder.string() + ": " + error.message());
    return target;
}

PluginLibrary::PluginLibrary(const fs::path& file, RuntimeFolder& folder) {
    const fs::path copy = folder.copy(file);
    try {
        probe_plugin(copy);
        hooks_ = load_hooks(copy);
        facts_ = facts_of(hooks_);
    } catch (const PluginError& error) { // speaks of the copy
        throw PluginError("plugin library " + file.string() +
                          " cannot be loaded: " + replaced(error.what(), copy.string(), file.string()));
    }
}

} // namespace gatehouse::host
