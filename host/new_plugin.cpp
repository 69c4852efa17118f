#include "new_plugin.hpp"

#include "base/replaced.hpp"
#include "config/config.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

// The plugin is a target of its project, and these are CMake's own.
constexpr std::string_view targets_of_cmake[] = {"all",        "clean",   "edit_cache",     "help",          "install",
                                                 "preinstall", "package", "package_source", "rebuild_cache", "test"};

void check_name(const std::string& name) {
    constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
    if (name.empty() || name.size() > 64 || first.find(name[0]) == std::string_view::npos ||
        name.find_first_not_of(std::string(first) + "-_") != std::string::npos)
        throw std::runtime_error('"' + name +
                                 "\" is no name for a plugin (expected 1 to 64 lower-case letters, digits, - and _, " +
                                 "the first one a letter or a digit)");
    if (std::ranges::count(targets_of_cmake, name) > 0)
        throw std::runtime_error('"' + name + "\" is a name that CMake needs for itself; choose another one");
    if (name == reserved_instance)
        throw std::runtime_error('"' + name + "\" is the name of the host itself in `gatehouse control`; choose another one");
}

// The folder in `folder` that is wanted; `what` says in words what it is.
fs::path choose(const fs::path& folder, const std::string& wanted, const std::string& what) {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (entry.is_directory()) names.push_back(entry.path().filename());
    if (std::ranges::count(names, wanted) > 0) return folder / wanted;
    std::ranges::sort(names);
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    throw std::runtime_error("there is no " + what + " (there are: " + list + ")");
}

void copy_file(const fs::path& from, const fs::path& to, const std::string& name) {
    std::ostringstream text;
    std::ofstream file(to);
    if (!(text << std::ifstream(from).rdbuf()) || !(file << replaced(text.str(), "@NAME@", name)) || !file.flush())
        throw std::runtime_error("cannot copy " + from.string() + " to " + to.string());
    constexpr fs::perms run = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
    if ((fs::status(from).permissions() & run) == run) fs::permissions(to, run, fs::perm_options::add);
}

} // namespace

void write_new_plugin(const NewPlugin& plugin, const fs::path& templates, const fs::path& parent) {
    check_name(plugin.name);
    if (!fs::is_directory(templates))
        throw std::runtime_error("there are no templates in " + templates.string() + "; the package gatehouse-dev has them");
    const fs::path language = choose(templates, plugin.language, "language \"" + plugin.language + '"');
    const fs::path innermost = choose(language, plugin.like, "template \"" + plugin.like + "\" for " + plugin.language);
    const fs::path project = parent / plugin.name;
    if (fs::exists(fs::symlink_status(project)) || !fs::create_directory(project))
        throw std::runtime_error(project.string() + " is there already, and is left as it is");
    for (const fs::path& from : {templates, language, innermost})
        for (const fs::directory_entry& entry : fs::directory_iterator(from))
            if (entry.is_regular_file())
                copy_file(entry, project / replaced(entry.path().filename(), "NAME", plugin.name), plugin.name);
}

} // namespace gatehouse::host
