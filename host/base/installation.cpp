#include "base/installation.hpp"

namespace gatehouse::host {
namespace {

std::filesystem::path from_program(const char* relative) {
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
    return (program.parent_path() / relative).lexically_normal();
}

} // namespace

std::filesystem::path installed_plugins() { return from_program(GATEHOUSE_PLUGIN_FOLDER); }
std::filesystem::path plugin_templates() { return from_program(GATEHOUSE_TEMPLATE_FOLDER); }

} // namespace gatehouse::host
