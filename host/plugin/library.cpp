#include "plugin/library.hpp"

#include "plugin/probe_process.hpp"
#include "plugin/schema.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

} // namespace

PluginLibrary::PluginLibrary(const fs::path& file, RuntimeFolder& folder) : file_(file) {
    ::stat(file.c_str(), &written_); // before the copy: a change in between makes it another file
    copy_ = folder.copy(file);
    const fs::path& copy = copy_;
    try {
        probe_plugin(copy);
        hooks_ = load_hooks(copy);
        facts_ = facts_of(hooks_);
        keys_ = read_keys(hooks_);
    } catch (const PluginError& error) { // speaks of the copy
        throw PluginError("plugin library " + file.string() +
                          " cannot be loaded: " + replaced(error.what(), copy.string(), file.string()));
    }
}

bool PluginLibrary::is_as_loaded() const {
    struct stat now{};
    if (::stat(file_.c_str(), &now) != 0) return false;
    const auto same_time = [](const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; };
    if (now.st_dev == written_.st_dev && now.st_ino == written_.st_ino && now.st_size == written_.st_size &&
        same_time(now.st_mtim, written_.st_mtim) && same_time(now.st_ctim, written_.st_ctim))
        return true;
    std::ifstream loaded(copy_, std::ios::binary);
    std::ifstream file(file_, std::ios::binary);
    using Bytes = std::istreambuf_iterator<char>;
    return loaded && file && std::equal(Bytes(loaded), Bytes(), Bytes(file), Bytes());
}

} // namespace gatehouse::host
