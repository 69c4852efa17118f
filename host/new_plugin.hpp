// `gatehouse plugin new`: a project to begin a plugin with, copied from a template.
//
// A template is the folder LANGUAGE/TEMPLATE. What its project shares with others lies further out: files directly in LANGUAGE
// belong to every project in that language, files beside LANGUAGE to all; of two with the same name the inner one counts. In
// the names of files NAME stands for the plugin's name, and in their text @NAME@.
#pragma once

#include <filesystem>
#include <string>

namespace gatehouse::host {

struct NewPlugin {
    std::string name;
    std::string like = "echo"; // the template
    std::string language = "c++";
};

// Writes the project into a new folder `parent`/NAME. Throws std::runtime_error if there is such a folder already, or no such
// template, or the name will not do; nothing is written then.
void write_new_plugin(const NewPlugin& plugin, const std::filesystem::path& templates, const std::filesystem::path& parent);

} // namespace gatehouse::host
